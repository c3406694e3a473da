// The Api nodes: one app that scales by requests, at a public address, HTTPS only.
import { httpPort, kafkaPort, probes, terminationGraceSeconds } from 'process.bicep'

@description('Where the app is.')
param location string

@description('The app\'s name.')
param appName string

@description('The environment with a public address.')
param environmentId string

@description('The image, with its registry and tag.')
param image string

@description('The registry\'s address.')
param registryServer string

@description('The identity that pulls the image and reads the list of silos.')
param identityId string

@description('Settings that all processes of the service share.')
param settings { name: string, value: string }[]

@description('vCPU of a node.')
param cpu string

@description('Memory of a node: 2 GiB for each vCPU.')
param memory string

@description('The fewest nodes that run.')
@minValue(1)
param nodesMin int

@description('The most nodes that run.')
@minValue(1)
param nodesMax int

@description('Requests under way a node above which another one is started. A parked long poll counts as one.')
@minValue(1)
param requestsPerNode int

@description('True to serve Kafka\'s protocol to programs in the same environment.')
param kafka bool

@description('Address ranges that may call the Api, as CIDR; none means everyone.')
param allowedAddresses string[]

resource api 'Microsoft.App/containerApps@2025-01-01' = {
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
      maxInactiveRevisions: 2
      registries: [
        {
          server: registryServer
          identity: identityId
        }
      ]
      ingress: {
        external: true
        transport: 'auto'
        targetPort: httpPort
        allowInsecure: false
        // Private to the environment: nothing of it is encrypted.
        additionalPortMappings: kafka
          ? [
              {
                external: false
                targetPort: kafkaPort
                exposedPort: kafkaPort
              }
            ]
          : null
        ipSecurityRestrictions: [
          for (range, i) in allowedAddresses: {
            name: 'allowed-${i}'
            action: 'Allow'
            ipAddressRange: range
          }
        ]
        traffic: [
          {
            latestRevision: true
            weight: 100
          }
        ]
      }
    }
    template: {
      terminationGracePeriodSeconds: terminationGraceSeconds
      containers: [
        {
          name: 'api'
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
              name: 'OrleansStream__Silo__Embedded'
              value: 'false'
            }
            {
              name: 'OrleansStream__Kafka__Enabled'
              value: string(kafka)
            }
            {
              name: 'OrleansStream__Kafka__Listen'
              value: '*:${kafkaPort}'
            }
            {
              // All nodes are one broker to their clients: whichever is reached serves all partitions.
              name: 'OrleansStream__Kafka__AdvertisedHost'
              value: appName
            }
            {
              name: 'OrleansStream__Kafka__AdvertisedPort'
              value: string(kafkaPort)
            }
          ])
        }
      ]
      scale: {
        minReplicas: nodesMin
        maxReplicas: nodesMax
        rules: [
          {
            name: 'requests'
            http: {
              metadata: {
                concurrentRequests: string(requestsPerNode)
              }
            }
          }
        ]
      }
    }
  }
}

output url string = 'https://${api.properties.configuration.ingress!.fqdn!}'
