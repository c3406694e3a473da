// One virtual network: silos in a subnet that the internet never reaches, Api nodes in one that takes HTTPS only.

@description('Where the network is.')
param location string

@description('The prefix of the resources\' names.')
param namePrefix string

@description('The network\'s addresses: a /22, which gives a /24 to each subnet.')
param addressPrefix string

var siloSubnetPrefix = cidrSubnet(addressPrefix, 24, 0)
var apiSubnetPrefix = cidrSubnet(addressPrefix, 24, 1)
var endpointSubnetPrefix = cidrSubnet(addressPrefix, 24, 2)

var containerAppsDelegation = [
  {
    name: 'container-apps'
    properties: {
      serviceName: 'Microsoft.App/environments'
    }
  }
]

// Free and without a charge by the GB, unlike a private endpoint; the account's firewall lets in these subnets alone.
var storageServiceEndpoint = [
  {
    service: 'Microsoft.Storage'
  }
]

resource siloSecurityGroup 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: '${namePrefix}-silo-nsg'
  location: location
  properties: {
    securityRules: [
      {
        name: 'AllowSilosAndApi'
        properties: {
          description: 'Silos talk to each other, and Api nodes to their gateways. The ports are not named: behind the load balancer they are others.'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefixes: [siloSubnetPrefix, apiSubnetPrefix]
          sourcePortRange: '*'
          destinationAddressPrefix: siloSubnetPrefix
          destinationPortRange: '*'
        }
      }
      {
        name: 'AllowLoadBalancer'
        properties: {
          description: 'The platform\'s own probes.'
          priority: 110
          direction: 'Inbound'
          access: 'Allow'
          protocol: '*'
          sourceAddressPrefix: 'AzureLoadBalancer'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
      {
        name: 'DenyAllElse'
        properties: {
          description: 'Peered networks too.'
          priority: 4000
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource apiSecurityGroup 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: '${namePrefix}-api-nsg'
  location: location
  properties: {
    securityRules: [
      {
        name: 'AllowHttps'
        properties: {
          description: '443 is what callers use; 31443 is where the environment\'s load balancer sends it.'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: apiSubnetPrefix
          destinationPortRanges: ['443', '31443']
        }
      }
      {
        name: 'AllowLoadBalancer'
        properties: {
          description: 'The platform\'s own probes.'
          priority: 110
          direction: 'Inbound'
          access: 'Allow'
          protocol: '*'
          sourceAddressPrefix: 'AzureLoadBalancer'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: '${namePrefix}-vnet'
  location: location
  properties: {
    addressSpace: {
      addressPrefixes: [addressPrefix]
    }
    subnets: [
      {
        name: 'silos'
        properties: {
          addressPrefix: siloSubnetPrefix
          delegations: containerAppsDelegation
          serviceEndpoints: storageServiceEndpoint
          networkSecurityGroup: {
            id: siloSecurityGroup.id
          }
        }
      }
      {
        name: 'api'
        properties: {
          addressPrefix: apiSubnetPrefix
          delegations: containerAppsDelegation
          serviceEndpoints: storageServiceEndpoint
          networkSecurityGroup: {
            id: apiSecurityGroup.id
          }
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: endpointSubnetPrefix
        }
      }
    ]
  }

  resource siloSubnet 'subnets' existing = {
    name: 'silos'
  }

  resource apiSubnet 'subnets' existing = {
    name: 'api'
  }

  resource endpointSubnet 'subnets' existing = {
    name: 'endpoints'
  }
}

output networkId string = network.id
output siloSubnetId string = network::siloSubnet.id
output apiSubnetId string = network::apiSubnet.id
output endpointSubnetId string = network::endpointSubnet.id
