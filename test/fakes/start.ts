import { once } from 'node:events';
import { acrAvailable } from './acr/stand-in.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { startLocalAzure } from './local-azure.ts';

// `npm run --silent fakes`: a local Azure. Prints on stdout what a shell has to export to use it, and on stderr what
// edgeloop.yaml has to say; ends with Ctrl-C, and leaves nothing.

if (!azuriteAvailable() || !acrAvailable()) {
  console.error('Install what the stand-ins consist of: node test/tooling/install.ts');
  process.exit(1);
}
const asked = Promise.race(['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal)));
const azure = await startLocalAzure({ ml: { paceMs: 300 } });
// For whoever comes with another client than the program's own.
azure.ml.may.otherClients = true;
const { place, container } = azure.ml;
const exported = { ...azure.environment, ...azure.oidc.environment };
for (const [name, value] of Object.entries(exported)) console.log(`export ${name}='${value}'`);
console.error(`
A local Azure runs until Ctrl-C. Give another shell the lines above, and edgeloop.yaml these:

registry: ${azure.acr.host}/models
azure:
  subscription: ${place.subscription}
  resourceGroup: ${place.resourceGroup}
  workspace: ${place.workspace}

with target: azureml, compute: cpu and environment: azureml:AzureML-sklearn-1.5:1 in "train". The storage account is
${azure.azurite.account}, the container behind workspaceblobstore ${container}.`);
await asked;
await azure.stop();
process.exit(0);
