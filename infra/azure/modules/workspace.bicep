// The Azure Machine Learning workspace with what it cannot be without, and a cluster that costs nothing while it waits.
param name string
param location string
param storageKeys bool
param machine string
param machines int
@description('Object id of the identity of the workflows.')
param workflow string
@description('Object id of the identity of the trainings.')
param training string
@description('Resource id of the same.')
param trainingIdentity string

// Built-in roles, "Azure built-in roles for AI + machine learning" and "... for Storage".
var dataScientist = 'f6c7c914-8db3-469d-8ca1-694a8f32e121' // AzureML Data Scientist
var blobContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor

var suffix = uniqueString(resourceGroup().id)

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    retentionInDays: 30
    sku: {
      name: 'PerGB2018'
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${name}-insights'
  location: location
  kind: 'web'
  properties: {
    Application_Type: 'web'
    DisableLocalAuth: true
    WorkspaceResourceId: logs.id
  }
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: take('${name}${suffix}', 24)
  location: location
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
  }
}

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: take('${name}ml${suffix}', 24)
  location: location
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    allowSharedKeyAccess: storageKeys
    allowBlobPublicAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' = {
  name: name
  location: location
  identity: {
    type: 'SystemAssigned'
  }
  sku: {
    name: 'Basic'
    tier: 'Basic'
  }
  properties: {
    friendlyName: name
    applicationInsights: insights.id
    keyVault: vault.id
    storageAccount: storage.id
    systemDatastoresAuthMode: storageKeys ? 'accesskey' : 'identity'
    publicNetworkAccess: 'Enabled'
  }
}

resource cluster 'Microsoft.MachineLearningServices/workspaces/computes@2025-06-01' = {
  parent: workspace
  name: 'training'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${trainingIdentity}': {}
    }
  }
  properties: {
    computeType: 'AmlCompute'
    disableLocalAuth: true
    properties: {
      osType: 'Linux'
      vmSize: machine
      vmPriority: 'Dedicated'
      remoteLoginPortPublicAccess: 'Disabled'
      scaleSettings: {
        minNodeCount: 0
        maxNodeCount: machines
        nodeIdleTimeBeforeScaleDown: 'PT2M'
      }
    }
  }
}

resource workflowTrains 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workspace
  name: guid(workspace.id, workflow, dataScientist)
  properties: {
    principalId: workflow
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataScientist)
  }
}

// Of the account, since its containers get their names from the workspace: code goes in, models come out.
resource storageUsers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in [workflow, training]: {
    scope: storage
    name: guid(storage.id, principal, blobContributor)
    properties: {
      principalId: principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobContributor)
    }
  }
]

output name string = workspace.name
output compute string = cluster.name
