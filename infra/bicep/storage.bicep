// The one thing that is durable: an account, and the container that every silo writes to.

@description('Where the account is.')
param location string

@description('The account\'s name, unique in all of Azure.')
@minLength(3)
@maxLength(24)
param accountName string

@description('The container\'s name.')
param containerName string

@description('Copies and medium. ZRS keeps three copies in three zones; Premium writes faster, and costs less an operation and more a GB.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Premium_LRS', 'Premium_ZRS'])
param sku string

@description('For how many days what was deleted or overwritten can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int

@description('The silos\' subnet, which may reach the account by its service endpoint.')
param siloSubnetId string

@description('The Api nodes\' subnet, likewise.')
param apiSubnetId string

@description('Addresses of operators that may reach the account, for instance to back it up.')
param allowedAddresses string[]

@description('True to let in private endpoints alone.')
param privateOnly bool

@description('Where it is told who deleted what.')
param workspaceId string

@description('True to keep the account from being deleted by mistake.')
param protectFromDeletion bool

var isPremium = startsWith(sku, 'Premium')

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: accountName
  location: location
  kind: isPremium ? 'BlockBlobStorage' : 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: isPremium ? null : 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isHnsEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: privateOnly ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: 'Deny'
      bypass: 'None'
      virtualNetworkRules: [
        {
          id: siloSubnetId
          action: 'Allow'
        }
        {
          id: apiSubnetId
          action: 'Allow'
        }
      ]
      ipRules: [
        for address in allowedAddresses: {
          value: address
          action: 'Allow'
        }
      ]
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      deleteRetentionPolicy: {
        enabled: true
        days: softDeleteDays
      }
      containerDeleteRetentionPolicy: {
        enabled: true
        days: softDeleteDays
      }
      // A version for each write of a document would cost more than the log itself, and append blobs have none.
      isVersioningEnabled: false
    }

    resource container 'containers' = {
      name: containerName
      properties: {
        publicAccess: 'None'
      }
    }
  }

  // The service deletes segments itself, by each topic's retention; a rule by age would delete what a topic still keeps.
  // Append blobs can't be moved to cooler tiers. What is left for rules is what no topic refers to: snapshots and versions.
  resource lifecycle 'managementPolicies' = {
    name: 'default'
    dependsOn: [blobs]
    properties: {
      policy: {
        rules: [
          {
            name: 'expire-snapshots-and-versions'
            type: 'Lifecycle'
            enabled: true
            definition: {
              filters: {
                blobTypes: ['appendBlob', 'blockBlob']
                prefixMatch: ['${containerName}/']
              }
              actions: {
                snapshot: {
                  delete: {
                    daysAfterCreationGreaterThan: 30
                  }
                }
                version: {
                  delete: {
                    daysAfterCreationGreaterThan: 30
                  }
                }
              }
            }
          }
        ]
      }
    }
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (protectFromDeletion) {
  name: 'keep-the-log'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'All topics and records are in this account.'
  }
}

// What is deleted is told of, since it is seldom: a segment at a time. A line for each append would cost more than the append.
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: account::blobs
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

output accountId string = account.id
output blobServiceUri string = account.properties.primaryEndpoints.blob
