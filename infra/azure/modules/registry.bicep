// The registry: no admin user, nobody without a name. Workflows push and lock, devices pull.
param name string
param location string
param sku string
param permissions string
@description('Object id of the identity of the workflows.')
param workflow string
@description('Object ids of the identities of devices.')
param devices array

var group = resourceGroup().id
var isAbac = permissions == 'abac'

// Built-in roles, "Azure built-in roles for Containers".
var repositoryWriter = '2a1e307c-b015-4ebd-883e-5b7698a07328' // Container Registry Repository Writer
var repositoryReader = 'b93aa761-3e63-49ed-ac28-beffa264f7ac' // Container Registry Repository Reader
var acrPush = '8311e382-0749-4cb8-b61a-304f252e45ec' // AcrPush
var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d' // AcrPull

// "Whatever is no such action is not this condition's business; whatever is, must be below models/."
var base = 'Microsoft.ContainerRegistry/registries/repositories'
var isBelowModels = '@Request[${base}:name] StringStartsWithIgnoreCase \'models/\''
var isNoRead = '!(ActionMatches{\'${base}/content/read\'}) AND !(ActionMatches{\'${base}/metadata/read\'})'
var isNoWrite = '!(ActionMatches{\'${base}/content/write\'}) AND !(ActionMatches{\'${base}/metadata/write\'})'
var readsModels = '((${isNoRead}) OR (${isBelowModels}))'
var writesModels = '((${isNoRead} AND ${isNoWrite}) OR (${isBelowModels}))'

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  name: '${name}${uniqueString(group)}'
  location: location
  sku: {
    name: sku
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    roleAssignmentMode: isAbac ? 'AbacRepositoryPermissions' : 'LegacyRegistryPermissions'
  }
}

resource workflowPushes 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, workflow, isAbac ? repositoryWriter : acrPush)
  properties: {
    principalId: workflow
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      isAbac ? repositoryWriter : acrPush
    )
    condition: isAbac ? writesModels : null
    conditionVersion: isAbac ? '2.0' : null
  }
}

// AcrPush names no metadata/write, which a lock takes; by repository the writer has it.
resource locker 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (!isAbac) {
  name: guid(group, registry.name, 'edgeloop-locker')
  properties: {
    roleName: 'Edgeloop locker of ${registry.name}'
    description: 'Locks what was released: attributes of tags and manifests.'
    type: 'CustomRole'
    assignableScopes: [group]
    permissions: [
      {
        actions: [
          'Microsoft.ContainerRegistry/registries/metadata/read'
          'Microsoft.ContainerRegistry/registries/metadata/write'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

resource workflowLocks 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!isAbac) {
  scope: registry
  name: guid(registry.id, workflow, 'edgeloop-locker')
  properties: {
    principalId: workflow
    principalType: 'ServicePrincipal'
    roleDefinitionId: locker.id
  }
}

resource devicesPull 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for device in devices: {
    scope: registry
    name: guid(registry.id, device, isAbac ? repositoryReader : acrPull)
    properties: {
      principalId: device
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        isAbac ? repositoryReader : acrPull
      )
      condition: isAbac ? readsModels : null
      conditionVersion: isAbac ? '2.0' : null
    }
  }
]

output host string = registry.properties.loginServer
