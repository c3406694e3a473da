// The registry is deployed before the rest: the images must be there when the apps are made.
import { registryNameOf } from 'names.bicep'

@description('Where the registry is. Default: the region of the resource group.')
param location string = resourceGroup().location

@description('The registry\'s name, unique in all of Azure.')
@minLength(5)
@maxLength(50)
param registryName string = registryNameOf(resourceGroup().id)

@description('Basic is enough to start with. Premium adds private endpoints and copies in other regions.')
@allowed(['Basic', 'Standard', 'Premium'])
param sku string = 'Basic'

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  name: registryName
  location: location
  sku: {
    name: sku
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
  }
}

output registryName string = registry.name
output loginServer string = registry.properties.loginServer
