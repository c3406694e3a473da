// OrleansStream in Azure: silos and Api nodes on Container Apps, everything durable in one storage account.
// README.md beside this folder says why it is built like this, what it costs and how it is run.
import { apiRepository, registryNameOf, siloRepository } from 'names.bicep'

@description('A set of silos of one version. Two sets run side by side while the cluster is upgraded.')
type siloSet = {
  @description('Each set has ports of its own: 50 for \'a\', 50 for \'b\'.')
  name: 'a' | 'b'

  @description('The images\' tag.')
  imageTag: string
}

@description('Where everything is. Default: the region of the resource group.')
param location string = resourceGroup().location

@description('The prefix of the resources\' names: lowercase letters, digits and hyphens.')
@minLength(3)
@maxLength(14)
param namePrefix string = 'orleansstream'

@description('The tag of the images to run, as publish-images.sh was told. Never move a tag: a restart would change the version.')
@minLength(1)
param imageTag string

@description('The registry that holds the images.')
param registryName string = registryNameOf(resourceGroup().id)

@description('The sets of silos that run. Default: one, of the version in imageTag.')
@minLength(1)
@maxLength(2)
param siloSets siloSet[] = [
  {
    name: 'a'
    imageTag: imageTag
  }
]

@description('Silos in each set. Three or more in production, so that two are left when one is lost.')
@minValue(1)
@maxValue(50)
param siloCount int

@description('vCPU of a silo: from 0.25 to 4, in steps of 0.25.')
param siloCpu string = '1'

@description('Memory of a silo: 2 GiB for each vCPU.')
param siloMemory string = '2Gi'

@description('The fewest Api nodes that run.')
@minValue(1)
@maxValue(300)
param apiNodesMin int

@description('The most Api nodes that run.')
@minValue(1)
@maxValue(300)
param apiNodesMax int

@description('vCPU of an Api node.')
param apiCpu string = '0.5'

@description('Memory of an Api node: 2 GiB for each vCPU.')
param apiMemory string = '1Gi'

@description('Requests under way an Api node above which another one is started. A parked long poll counts as one.')
@minValue(10)
param apiRequestsPerNode int = 300

@description('Address ranges that may call the Api, as CIDR; none means everyone. Whoever calls signs in, from wherever.')
param apiAllowedAddresses string[] = []

@description('True to serve Kafka\'s protocol, on port 9092 of the Api\'s app, to programs in the Api\'s environment. It is not reached from outside.')
param kafka bool = false

@description('The application in Entra ID that callers get their tokens for: its application id. README.md says how it is registered.')
@minLength(36)
@maxLength(36)
param applicationId string

@description('The tenant whose people and workloads may sign in.')
param tenantId string = tenant().tenantId

@description('Object ids of the people, groups and workloads in Entra ID that may do everything, and give rights to others.')
@minLength(1)
param adminPrincipalIds string[]

@description('True to let administrators give API keys to callers that Entra ID does not know. Keys are made in the service, and are nowhere in a deployment.')
param apiKeys bool = false

@description('Who is told of alerts, by mail. With none they are seen in the portal alone.')
param alertEmails string[] = []

@description('Minutes of five with ten or more refused sign-ins from one address at which there is an alert.')
@minValue(1)
param alertSignInFailureMinutes int = 1

@description('Requests that the storage refused, throttled or did not serve in five minutes, of one kind, above which there is an alert.')
@minValue(1)
param alertStorageRefusals int = 10

@description('True to send metrics, traces and logs of all processes to Application Insights, with a workbook. It is paid by the GB.')
param applicationInsights bool = false

@description('The part of requests whose traces are recorded: 0.01 is one in a hundred.')
param tracedPart string = '0.01'

@description('Copies and medium of the storage. Premium pays where appends are many and stored GB few; README.md has the sums.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Premium_LRS', 'Premium_ZRS'])
param storageSku string

@description('The container for everything durable.')
@minLength(3)
@maxLength(63)
param containerName string = 'orleansstream'

@description('For how many days deleted or overwritten blobs can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int

@description('True to reach the storage by a private endpoint alone, false by service endpoints, which are free.')
param privateStorageEndpoint bool = false

@description('Addresses of operators that may reach the storage, for instance to back it up.')
param storageAllowedAddresses string[] = []

@description('True to lock the storage account against deletion.')
param protectStorage bool

@description('True to spread over the region\'s zones. It can\'t be changed after the first deployment.')
param zoneRedundant bool

@description('The network\'s addresses: a /22 that no peered network uses.')
param addressPrefix string = '10.42.0.0/22'

@description('For how many days logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('GB of logs a day after which no more is taken until the next day.')
@minValue(1)
param logDailyQuotaGb int = 2

@description('The service\'s id, part of the names of what it stores: never change it over existing data.')
param serviceId string = 'orleansstream'

@description('The cluster\'s id: silos with the same one find each other.')
param clusterId string = 'orleansstream'

var storageAccountName = take('${replace(namePrefix, '-', '')}${uniqueString(resourceGroup().id)}', 24)
var siloIdentityName = '${namePrefix}-silo-id'
var apiIdentityName = '${namePrefix}-api-id'
var apiAppName = '${namePrefix}-api'

var setSize = 50
var silos = flatten(map(
  siloSets,
  set =>
    map(range(0, siloCount), i => {
      name: '${namePrefix}-silo-${set.name}${i}'
      imageTag: set.imageTag
      offset: (set.name == 'a' ? 0 : setSize) + i
    })
))

// The connection string is no secret: it lets its holder write telemetry, and read nothing.
var insightsSettings = applicationInsights
  ? [
      {
        name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
        value: insights!.properties.ConnectionString
      }
      {
        name: 'OTEL_TRACES_SAMPLER'
        value: 'parentbased_traceidratio'
      }
      {
        name: 'OTEL_TRACES_SAMPLER_ARG'
        value: tracedPart
      }
    ]
  : []

var commonSettings = concat(insightsSettings, [
  {
    name: 'OrleansStream__Storage__Provider'
    value: 'AzureBlobs'
  }
  {
    name: 'OrleansStream__Storage__AzureBlobs__ServiceUri'
    value: storage.outputs.blobServiceUri
  }
  {
    name: 'OrleansStream__Storage__AzureBlobs__Container'
    value: containerName
  }
  {
    name: 'OrleansStream__Silo__ClusterId'
    value: clusterId
  }
  {
    name: 'OrleansStream__Silo__ServiceId'
    value: serviceId
  }
  {
    // Of all the ways to sign in, only this one exists here; trying the others would slow the start.
    name: 'AZURE_TOKEN_CREDENTIALS'
    value: 'ManagedIdentityCredential'
  }
])

// Who signs in, and as what: the same at both doors. Nothing here is a secret.
var securitySettings = concat(
  [
    {
      name: 'OrleansStream__Security__OpenIdConnect__Authority'
      value: '${environment().authentication.loginEndpoint}${tenantId}/v2.0'
    }
    {
      name: 'OrleansStream__Security__OpenIdConnect__Audience'
      value: applicationId
    }
    {
      name: 'OrleansStream__Security__OpenIdConnect__SwaggerClientId'
      value: applicationId
    }
    {
      name: 'OrleansStream__Security__OpenIdConnect__ConsoleClientId'
      value: applicationId
    }
    {
      name: 'OrleansStream__Security__ApiKeys'
      value: string(apiKeys)
    }
  ],
  // An id says not of what it is; none is of both.
  map(range(0, 2 * length(adminPrincipalIds)), i => {
    name: 'OrleansStream__Security__Admins__${i}'
    value: '${i % 2 == 0 ? 'user' : 'group'}:${adminPrincipalIds[i / 2]}'
  })
)

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' existing = {
  name: registryName
}

resource insights 'Microsoft.Insights/components@2020-02-02' = if (applicationInsights) {
  name: '${namePrefix}-insights'
  location: location
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: logs.outputs.workspaceId
  }
}

module workbook 'workbook.bicep' = if (applicationInsights) {
  params: {
    location: location
    insightsId: insights.id
  }
}

module siloIdentity 'identity.bicep' = {
  params: {
    location: location
    identityName: siloIdentityName
    registryName: registryName
  }
}

module apiIdentity 'identity.bicep' = {
  params: {
    location: location
    identityName: apiIdentityName
    registryName: registryName
  }
}

module logs 'logs.bicep' = {
  params: {
    location: location
    workspaceName: '${namePrefix}-logs'
    retentionDays: logRetentionDays
    dailyQuotaGb: logDailyQuotaGb
  }
}

module network 'network.bicep' = {
  params: {
    location: location
    namePrefix: namePrefix
    addressPrefix: addressPrefix
  }
}

module storage 'storage.bicep' = {
  params: {
    location: location
    accountName: storageAccountName
    containerName: containerName
    sku: storageSku
    softDeleteDays: softDeleteDays
    siloSubnetId: network.outputs.siloSubnetId
    apiSubnetId: network.outputs.apiSubnetId
    allowedAddresses: storageAllowedAddresses
    privateOnly: privateStorageEndpoint
    workspaceId: logs.outputs.workspaceId
    protectFromDeletion: protectStorage
  }
}

module storageAccess 'storage-access.bicep' = {
  dependsOn: [storage, siloIdentity, apiIdentity]
  params: {
    accountName: storageAccountName
    containerName: containerName
    siloIdentityName: siloIdentityName
    apiIdentityName: apiIdentityName
  }
}

module storageEndpoint 'storage-endpoint.bicep' = if (privateStorageEndpoint) {
  params: {
    location: location
    namePrefix: namePrefix
    accountId: storage.outputs.accountId
    networkId: network.outputs.networkId
    subnetId: network.outputs.endpointSubnetId
  }
}

module siloEnvironment 'environment.bicep' = {
  params: {
    location: location
    environmentName: '${namePrefix}-silo-env'
    subnetId: network.outputs.siloSubnetId
    internal: true
    zoneRedundant: zoneRedundant
    workspaceId: logs.outputs.workspaceId
  }
}

module apiEnvironment 'environment.bicep' = {
  params: {
    location: location
    environmentName: '${namePrefix}-api-env'
    subnetId: network.outputs.apiSubnetId
    internal: false
    zoneRedundant: zoneRedundant
    workspaceId: logs.outputs.workspaceId
  }
}

module silo 'silo.bicep' = [
  for silo in silos: {
    dependsOn: [storageAccess, storageEndpoint]
    params: {
      location: location
      appName: silo.name
      environmentId: siloEnvironment.outputs.environmentId
      advertisedAddress: siloEnvironment.outputs.staticIp
      siloPort: 11111 + silo.offset
      gatewayPort: 30000 + silo.offset
      image: '${registry.properties.loginServer}/${siloRepository}:${silo.imageTag}'
      registryServer: registry.properties.loginServer
      identityId: siloIdentity.outputs.identityId
      settings: concat(commonSettings, [
        {
          name: 'AZURE_CLIENT_ID'
          value: siloIdentity.outputs.clientId
        }
      ])
      cpu: siloCpu
      memory: siloMemory
    }
  }
]

module api 'api.bicep' = {
  dependsOn: [storageAccess, storageEndpoint]
  params: {
    location: location
    appName: apiAppName
    environmentId: apiEnvironment.outputs.environmentId
    image: '${registry.properties.loginServer}/${apiRepository}:${imageTag}'
    registryServer: registry.properties.loginServer
    identityId: apiIdentity.outputs.identityId
    settings: concat(commonSettings, securitySettings, [
      {
        name: 'AZURE_CLIENT_ID'
        value: apiIdentity.outputs.clientId
      }
    ])
    cpu: apiCpu
    memory: apiMemory
    nodesMin: apiNodesMin
    nodesMax: apiNodesMax
    requestsPerNode: apiRequestsPerNode
    allowedAddresses: apiAllowedAddresses
    kafka: kafka
  }
}

module alerts 'alerts.bicep' = {
  dependsOn: [storage]
  params: {
    location: location
    namePrefix: namePrefix
    workspaceId: logs.outputs.workspaceId
    accountName: storageAccountName
    apiAppName: apiAppName
    emails: alertEmails
    signInFailureMinutes: alertSignInFailureMinutes
    storageRefusalsMax: alertStorageRefusals
  }
}

@description('Where the service is.')
output apiUrl string = api.outputs.url

@description('Where it can be tried in a browser.')
output swaggerUrl string = '${api.outputs.url}/swagger'

@description('The account that everything durable is in.')
output storageAccountName string = storageAccountName

@description('The private address that the silos share.')
output siloAddress string = siloEnvironment.outputs.staticIp

@description('The apps of the silos.')
output siloNames string[] = [for (s, i) in silos: silo[i].outputs.siloName]
