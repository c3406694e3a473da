// Names that more than one template must agree on.

@export()
@description('The registry that holds the images: one for each resource group.')
func registryNameOf(resourceGroupId string) string => 'orleansstream${uniqueString(resourceGroupId)}'

@export()
@description('The repositories of the two images.')
var siloRepository = 'orleansstream-silo'

@export()
var apiRepository = 'orleansstream-api'
