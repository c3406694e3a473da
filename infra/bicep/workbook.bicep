// The workbook that shows what the processes send to Application Insights.

@description('Where it is.')
param location string

@description('The Application Insights whose metrics and requests it shows.')
param insightsId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(insightsId, 'workbook')
  location: location
  kind: 'shared'
  properties: {
    displayName: 'OrleansStream'
    category: 'workbook'
    sourceId: insightsId
    serializedData: string(loadJsonContent('workbook.json'))
  }
}
