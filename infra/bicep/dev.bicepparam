// The least that works: one silo, one Api node, one copy of the data in one building. Nothing here survives the loss of a machine's zone.
using 'main.bicep'

param imageTag = '0.1.0'
param applicationId = readEnvironmentVariable('ORLEANSSTREAM_APPLICATION_ID')
param adminPrincipalIds = split(readEnvironmentVariable('ORLEANSSTREAM_ADMIN_PRINCIPAL_IDS'), ',')
param siloCount = 1
param siloCpu = '0.5'
param siloMemory = '1Gi'
param apiNodesMin = 1
param apiNodesMax = 2
param apiCpu = '0.25'
param apiMemory = '0.5Gi'
param storageSku = 'Standard_LRS'
param softDeleteDays = 1
param protectStorage = false
param zoneRedundant = false
param logDailyQuotaGb = 1
