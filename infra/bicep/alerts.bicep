// What an operator is woken for: nobody leads the partitions, the storage refuses, or somebody tries to get in.

@description('Where the rules are.')
param location string

@description('The prefix of the resources\' names.')
param namePrefix string

@description('The workspace that the processes\' logs go to.')
param workspaceId string

@description('The account that everything durable is in.')
param accountName string

@description('The name of the Api nodes\' app.')
param apiAppName string

@description('Who is told, by mail. With none the alerts are seen in the portal alone.')
param emails string[]

@description('Minutes of five with many refused sign-ins from one address at which there is an alert: some are programs whose token ran out.')
@minValue(1)
param signInFailureMinutes int

@description('Requests that the storage refused or did not serve in five minutes, of one kind, above which there is an alert.')
@minValue(1)
param storageRefusalsMax int

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: accountName
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(emails)) {
  name: '${namePrefix}-operators'
  location: 'global'
  properties: {
    enabled: true
    groupShortName: 'operators'
    emailReceivers: [
      for (email, i) in emails: {
        name: 'mail-${i}'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

var told = empty(emails) ? [] : [people.id]

// An Api node that is connected to no silo says so each time that it is asked whether it is ready, which is every five seconds.
resource noSilo 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${namePrefix}-no-ready-silo'
  location: location
  kind: 'LogAlert'
  properties: {
    displayName: 'No silo serves'
    description: 'Api nodes have been connected to no silo for three of five minutes: nothing can be stored or read.'
    severity: 0
    enabled: true
    autoMitigate: true
    scopes: [workspaceId]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      allOf: [
        {
          query: format('''
ContainerAppConsoleLogs
| where ContainerAppName == '{0}'
| where Log contains 'Health check readiness with status Unhealthy' and Log contains 'No silo of the cluster is connected.'
| summarize by bin(TimeGenerated, 1m)
''', apiAppName)
          timeAggregation: 'Count'
          operator: 'GreaterThanOrEqual'
          threshold: 3
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: told
    }
  }
}

// One line in a minute tells of each address with ten refused sign-ins or more, whatever was tried: keys, tokens or certificates.
resource signInFailures 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${namePrefix}-sign-in-failures'
  location: location
  kind: 'LogAlert'
  properties: {
    displayName: 'Many sign-ins are refused'
    description: 'A program has a wrong or expired key or token, or somebody tries to get in. The lines name the address.'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [workspaceId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      allOf: [
        {
          query: format('''
ContainerAppConsoleLogs
| where ContainerAppName startswith '{0}-'
| where Log contains 'Sign-ins from ' and Log contains ' fail: '
''', namePrefix)
          timeAggregation: 'Count'
          operator: 'GreaterThanOrEqual'
          threshold: signInFailureMinutes
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: told
    }
  }
}

// Conditions that fail are part of the log's protocol, and count as ClientOtherError: they are not among these.
resource storageRefusals 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${namePrefix}-storage-refusals'
  location: 'global'
  properties: {
    description: 'The storage account refuses requests, throttles them or does not serve them: appends are slow, or fail.'
    severity: 1
    enabled: true
    autoMitigate: true
    scopes: [account.id]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'refused'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.Storage/storageAccounts'
          metricName: 'Transactions'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: storageRefusalsMax
          dimensions: [
            {
              name: 'ResponseType'
              operator: 'Include'
              values: [
                'AuthorizationError'
                'ClientAccountBandwidthThrottlingError'
                'ClientAccountRequestThrottlingError'
                'ServerBusyError'
                'ServerOtherError'
                'ServerTimeoutError'
              ]
            }
          ]
        }
      ]
    }
    actions: [for group in told: {
      actionGroupId: group
    }]
  }
}
