// Who publishes images from GitHub: an identity that GitHub's workflow signs in as by a token of its own, so that no secret is stored anywhere.
import { registryNameOf } from 'names.bicep'

@description('Where the identity is. Default: the region of the resource group.')
param location string = resourceGroup().location

@description('The identity\'s name.')
param identityName string = 'orleansstream-publisher'

@description('The repository on GitHub, as owner/name.')
@minLength(3)
param repository string

@description('The environment of that repository whose rules decide who may publish. Only jobs of that environment get in.')
param environmentName string = 'publish'

@description('The registry that holds the images.')
param registryName string = registryNameOf(resourceGroup().id)

var acrPushRoleId = '8311e382-0749-4cb8-b61a-304f252e45ec'

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' existing = {
  name: registryName
}

resource publisher 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: identityName
  location: location

  resource github 'federatedIdentityCredentials' = {
    name: 'github'
    properties: {
      issuer: 'https://token.actions.githubusercontent.com'
      subject: 'repo:${repository}:environment:${environmentName}'
      audiences: ['api://AzureADTokenExchange']
    }
  }
}

// AcrPush pulls too, which tells whether a tag is there already. It neither deletes nor deploys.
resource push 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, publisher.id, acrPushRoleId)
  scope: registry
  properties: {
    principalId: publisher.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPushRoleId)
  }
}

@description('For the repository\'s variable AZURE_CLIENT_ID.')
output clientId string = publisher.properties.clientId

@description('For the repository\'s variable AZURE_TENANT_ID.')
output tenantId string = tenant().tenantId

@description('For the repository\'s variable AZURE_SUBSCRIPTION_ID.')
output subscriptionId string = subscription().subscriptionId

@description('For the repository\'s variable REGISTRY.')
output registry string = registry.properties.loginServer
