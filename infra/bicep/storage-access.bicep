// The least rights on the one container: silos write it, Api nodes only look up the cluster's members in it.

@description('The account\'s name.')
param accountName string

@description('The container\'s name.')
param containerName string

@description('The name of the silos\' identity.')
param siloIdentityName string

@description('The name of the Api nodes\' identity.')
param apiIdentityName string

var blobDataContributorRoleId = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var blobDataReaderRoleId = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: accountName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource container 'containers' existing = {
      name: containerName
    }
  }
}

resource siloIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: siloIdentityName
}

resource apiIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: apiIdentityName
}

resource siloWrites 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account::blobs::container.id, siloIdentity.id, blobDataContributorRoleId)
  scope: account::blobs::container
  properties: {
    principalId: siloIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributorRoleId)
  }
}

resource apiReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account::blobs::container.id, apiIdentity.id, blobDataReaderRoleId)
  scope: account::blobs::container
  properties: {
    principalId: apiIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReaderRoleId)
  }
}
