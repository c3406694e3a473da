// The smallest real cluster: it goes on when a silo, an Api node or a zone of the storage is lost.
using 'main.bicep'

param imageTag = '0.1.0'
param siloCount = 3
param apiNodesMin = 2
param apiNodesMax = 10
param storageSku = 'Standard_ZRS'
param softDeleteDays = 7
param protectStorage = true
param zoneRedundant = true
