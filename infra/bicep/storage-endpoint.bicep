// For teams whose rules ask for it: the account by a private address alone. It costs by the hour and by the GB.

@description('Where the endpoint is.')
param location string

@description('The prefix of the resources\' names.')
param namePrefix string

@description('The account.')
param accountId string

@description('The network that must find the account by its private address.')
param networkId string

@description('The subnet that the endpoint\'s address is of.')
param subnetId string

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: 'privatelink.blob.${environment().suffixes.storage}'
  location: 'global'

  resource link 'virtualNetworkLinks' = {
    name: '${namePrefix}-vnet'
    location: 'global'
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: networkId
      }
    }
  }
}

resource endpoint 'Microsoft.Network/privateEndpoints@2025-05-01' = {
  name: '${namePrefix}-blob-endpoint'
  location: location
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: 'blob'
        properties: {
          privateLinkServiceId: accountId
          groupIds: ['blob']
        }
      }
    ]
  }

  resource dns 'privateDnsZoneGroups' = {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: 'blob'
          properties: {
            privateDnsZoneId: zone.id
          }
        }
      ]
    }
  }
}
