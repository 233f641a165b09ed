using 'main.bicep'

param name = 'acmechurn'
param repository = 'acme/churn'
// gh api repos/acme/churn --jq '"\(.owner.id)/\(.id)"'
param repositoryIds = '123456/456789'
param channels = ['production']
