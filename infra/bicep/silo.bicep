// One silo: an app of exactly one replica, with two ports of its own on the internal environment's address.
import { httpPort, probes, terminationGraceSeconds } from 'process.bicep'

@description('Where the app is.')
param location string

@description('The app\'s name.')
param appName string

@description('The internal environment.')
param environmentId string

@description('The address of the internal environment, which other silos and Api nodes reach this one at.')
param advertisedAddress string

@description('The port of this silo for other silos; no other app of the environment has it.')
@minValue(11111)
@maxValue(11210)
param siloPort int

@description('The port of this silo for Api nodes; no other app of the environment has it.')
@minValue(30000)
@maxValue(30099)
param gatewayPort int

@description('The image, with its registry and tag.')
param image string

@description('The registry\'s address.')
param registryServer string

@description('The identity that pulls the image and opens the storage.')
param identityId string

@description('Settings that all processes of the service share.')
param settings { name: string, value: string }[]

@description('vCPU of the silo, for instance 0.5 or 1.')
param cpu string

@description('Memory of the silo: 2 GiB for each vCPU.')
param memory string

resource silo 'Microsoft.App/containerApps@2025-01-01' = {
  name: appName
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      maxInactiveRevisions: 1
      registries: [
        {
          server: registryServer
          identity: identityId
        }
      ]
      // External means outside the app's environment, and that one is internal: these ports are private to the network.
      ingress: {
        external: true
        transport: 'tcp'
        targetPort: siloPort
        exposedPort: siloPort
        additionalPortMappings: [
          {
            external: true
            targetPort: gatewayPort
            exposedPort: gatewayPort
          }
        ]
      }
    }
    template: {
      terminationGracePeriodSeconds: terminationGraceSeconds
      containers: [
        {
          name: 'silo'
          image: image
          resources: {
            cpu: json(cpu)
            memory: memory
          }
          probes: probes
          env: concat(settings, [
            {
              name: 'URLS'
              value: 'http://+:${httpPort}'
            }
            {
              // The Api nodes serve Kafka's clients; nobody reaches a port of a silo for them.
              name: 'OrleansStream__Kafka__Enabled'
              value: 'false'
            }
            {
              name: 'OrleansStream__Silo__AdvertisedAddress'
              value: advertisedAddress
            }
            {
              name: 'OrleansStream__Silo__ListenAddress'
              value: '0.0.0.0'
            }
            {
              name: 'OrleansStream__Silo__SiloPort'
              value: string(siloPort)
            }
            {
              name: 'OrleansStream__Silo__GatewayPort'
              value: string(gatewayPort)
            }
          ])
        }
      ]
      // A second replica would answer on the same address as the first, and callers would reach either.
      scale: {
        minReplicas: 1
        maxReplicas: 1
      }
    }
  }
}

output siloName string = silo.name
