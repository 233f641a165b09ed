// Two identities without a secret: one that the workflows of the repository become, one that the trainings have.
param name string
param location string
param issuer string
@description('Subjects of the tokens that the workflows may come with: 20 at most.')
param subjects array

resource workflow 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-workflow'
  location: location
}

// One after the other: an identity takes no two writes at once.
@batchSize(1)
resource trust 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = [
  for subject in subjects: {
    parent: workflow
    name: 'github-${uniqueString(subject)}'
    properties: {
      issuer: issuer
      subject: subject
      audiences: ['api://AzureADTokenExchange']
    }
  }
]

resource training 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-training'
  location: location
}

output workflowPrincipal string = workflow.properties.principalId
output workflowClient string = workflow.properties.clientId
output trainingPrincipal string = training.properties.principalId
output trainingIdentity string = training.id
