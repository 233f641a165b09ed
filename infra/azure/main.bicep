// What Edgeloop needs in Azure, in one resource group: a workspace, a registry, a place for data, and who may do what.
// No secret comes out of it. README.md beside this file says how to deploy it, and what of it was tried.
targetScope = 'resourceGroup'

@description('The beginning of all names: a-z first, then a-z and 0-9.')
@minLength(3)
@maxLength(10)
param name string

@description('The region of everything. In two regions, each training would pay for the way in between.')
param location string = resourceGroup().location

@description('The repository on GitHub, as OWNER/NAME.')
param repository string

@description('The ids of the same, as OWNERID/ID: gh api repos/OWNER/NAME --jq \'"\\(.owner.id)/\\(.id)"\'. May stay empty where subjects is names.')
param repositoryIds string = ''

@description('How GitHub writes the subject of its tokens: with ids (repositories made or renamed since 2026-07-15), by names alone (older ones, GitHub Enterprise Server), or both while you move.')
@allowed(['ids', 'names', 'both'])
param subjects string = 'ids'

@description('Who vouches for the workflows. Another one for GitHub Enterprise Server.')
param issuer string = 'https://token.actions.githubusercontent.com'

@description('The branch that releases.')
param branch string = 'main'

@description('True: also workflows of pull requests of branches of this repository may train and read. (Those of forks never get a token.)')
param pullRequests bool = true

@description('The channels of edgeloop.yaml: a rollout runs in the environment of that name.')
@maxLength(6)
param channels array = ['production']

@description('Permissions by repository (abac: only below models/) or for the whole registry (classic).')
@allowed(['abac', 'classic'])
param registryPermissions string = 'abac'

@description('Tier of the registry. Premium for private endpoints.')
@allowed(['Basic', 'Standard', 'Premium'])
param registrySku string = 'Standard'

@description('Object ids of the identities of devices: managed identities of machines in Azure or behind Azure Arc. They may pull.')
param devices array = []

@description('Size of the machines that train.')
param machine string = 'Standard_E4ds_v4'

@description('How many of them at once. With nothing to do there is none.')
@minValue(1)
param machines int = 1

@description('True gives the workspace the keys of its own storage account. Only for what does not go without (see README.md).')
param storageKeys bool = false

// The claim `sub` of GitHub's tokens: the repository, then what the job runs for. A job that has an environment is named
// by that alone.
var names = split(repository, '/')
var ids = split(repositoryIds, '/')
var byIds = 'repo:${names[0]}@${ids[0]}/${last(names)}@${last(ids)}'
var byNames = 'repo:${repository}'
var repositories = subjects == 'both' ? [byIds, byNames] : subjects == 'ids' ? [byIds] : [byNames]
var events = concat(
  ['ref:refs/heads/${branch}'],
  pullRequests ? ['pull_request'] : [],
  map(channels, channel => 'environment:${channel}')
)
var trusted = flatten(map(repositories, owner => map(events, event => '${owner}:${event}')))

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: {
    name: name
    location: location
    issuer: issuer
    subjects: trusted
  }
}

module registry 'modules/registry.bicep' = {
  name: 'registry'
  params: {
    name: name
    location: location
    sku: registrySku
    permissions: registryPermissions
    workflow: identities.outputs.workflowPrincipal
    devices: devices
  }
}

module data 'modules/data.bicep' = {
  name: 'data'
  params: {
    name: name
    location: location
    readers: [identities.outputs.workflowPrincipal, identities.outputs.trainingPrincipal]
  }
}

module workspace 'modules/workspace.bicep' = {
  name: 'workspace'
  params: {
    name: name
    location: location
    storageKeys: storageKeys
    machine: machine
    machines: machines
    workflow: identities.outputs.workflowPrincipal
    training: identities.outputs.trainingPrincipal
    trainingIdentity: identities.outputs.trainingIdentity
  }
}

@description('Variables of the repository on GitHub, none of them a secret.')
output variables object = {
  AZURE_CLIENT_ID: identities.outputs.workflowClient
  AZURE_TENANT_ID: tenant().tenantId
  AZURE_SUBSCRIPTION_ID: subscription().subscriptionId
}

@description('For the registry of edgeloop.yaml and agent.yaml.')
output registry string = '${registry.outputs.host}/models'

@description('For the section azure of edgeloop.yaml.')
output azure object = {
  subscription: subscription().subscriptionId
  resourceGroup: resourceGroup().name
  workspace: workspace.outputs.name
}

@description('For the section train of a model.')
output compute string = workspace.outputs.compute

@description('For the section data of a model; add a folder.')
output data string = 'azureblob://${data.outputs.account}/${data.outputs.container}'

@description('The subjects that the identity of the workflows trusts, as edgeloop doctor prints them.')
output subjects array = trusted
