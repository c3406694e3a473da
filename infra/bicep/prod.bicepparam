// The smallest real cluster: it goes on when a silo, an Api node or a zone of the storage is lost.
using 'main.bicep'

param imageTag = '0.1.0'
param applicationId = readEnvironmentVariable('ORLEANSSTREAM_APPLICATION_ID')
param adminPrincipalIds = split(readEnvironmentVariable('ORLEANSSTREAM_ADMIN_PRINCIPAL_IDS'), ',')
param siloCount = 3
param apiNodesMin = 2
param apiNodesMax = 10
param storageSku = 'Standard_ZRS'
param softDeleteDays = 7
param protectStorage = true
param zoneRedundant = true
