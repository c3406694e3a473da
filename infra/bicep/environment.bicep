// A Container Apps environment in a subnet of ours: internal for silos, with a public address for the Api.

@description('Where the environment is.')
param location string

@description('The environment\'s name.')
param environmentName string

@description('The subnet, for this environment alone.')
param subnetId string

@description('True for an environment without any public address.')
param internal bool

@description('True to spread replicas over the region\'s zones. It can\'t be changed afterwards.')
param zoneRedundant bool

@description('Where logs go.')
param workspaceId string

resource environment 'Microsoft.App/managedEnvironments@2025-01-01' = {
  name: environmentName
  location: location
  properties: {
    // By diagnostic settings, which need no key of the workspace.
    appLogsConfiguration: {
      destination: 'azure-monitor'
    }
    vnetConfiguration: {
      infrastructureSubnetId: subnetId
      internal: internal
    }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
    zoneRedundant: zoneRedundant
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: environment
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'ContainerAppConsoleLogs'
        enabled: true
      }
      {
        category: 'ContainerAppSystemLogs'
        enabled: true
      }
    ]
  }
}

output environmentId string = environment.id
output staticIp string = environment.properties.staticIp
