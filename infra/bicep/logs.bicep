@description('Where the logs are.')
param location string

@description('The workspace\'s name.')
param workspaceName string

@description('For how many days logs are kept; the first 31 are in the price.')
@minValue(30)
@maxValue(730)
param retentionDays int

@description('GB a day after which no more is taken until the next day, so that a loop of errors costs no fortune.')
@minValue(1)
param dailyQuotaGb int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: workspaceName
  location: location
  properties: {
    retentionInDays: retentionDays
    sku: {
      name: 'PerGB2018'
    }
    workspaceCapping: {
      dailyQuotaGb: dailyQuotaGb
    }
  }
}

output workspaceId string = workspace.id
