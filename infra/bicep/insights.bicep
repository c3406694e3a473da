// Application Insights, which the processes send their metrics, traces and logs to, and the workbook that shows them.

@description('Where it is.')
param location string

@description('The prefix of the resources\' names.')
param namePrefix string

@description('The workspace that keeps what comes.')
param workspaceId string

@description('The part of requests whose traces are recorded, as the processes are told.')
param sampledPart string

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${namePrefix}-insights'
  location: location
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspaceId
  }
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(insights.id, 'workbook')
  location: location
  kind: 'shared'
  properties: {
    displayName: 'OrleansStream'
    category: 'workbook'
    sourceId: insights.id
    serializedData: string(loadJsonContent('workbook.json'))
  }
}

@description('The settings by which a process sends. The connection string is no secret: it lets its holder write, and read nothing.')
output settings { name: string, value: string }[] = [
  {
    name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
    value: insights.properties.ConnectionString
  }
  {
    name: 'OTEL_TRACES_SAMPLER'
    value: 'parentbased_traceidratio'
  }
  {
    name: 'OTEL_TRACES_SAMPLER_ARG'
    value: sampledPart
  }
]
