import { z } from 'zod';
import { SCOPE } from '../../azure/audiences.ts';
import type { ChainedCredential } from '../../azure/identity.ts';
import { parseBlobAddress } from '../../azure/blob-address.ts';
import { openMlWorkspace } from '../../azure/ml/workspace.ts';
import { blobsIn, DEFAULT_DATASTORE, readDatastore } from '../../azure/ml/datastore.ts';
import { allows, type ArmPermission, listPermissions } from '../../azure/arm.ts';
import { tryListing } from '../../azure/blob-container.ts';
import type { AzureConfig } from '../../config/index.ts';
import { isAzureRegistry } from '../../oci/index.ts';
import type { LoopDeps, Workspace } from '../workspace.ts';
import { type Found, ok, skipped, warn } from './check.ts';
import { registryHost } from './registry-checks.ts';

/** Everything of the project that lies in Azure. */
export interface AzureUse {
  azure: AzureConfig | undefined;
  /** Host of a registry of Azure. */
  registry: string | undefined;
  /** `azureblob://…` addresses of data. */
  data: string[];
}

/** `undefined` where the project has nothing in Azure. */
export function azureUse(workspace: Workspace): AzureUse | undefined {
  const { config } = workspace;
  const host = registryHost(workspace);
  const registry = host !== undefined && isAzureRegistry(host) ? host : undefined;
  const named = Object.values(config.models).flatMap(({ data }) => data.train.concat(data.holdout));
  const data = [...new Set(named.filter((path) => /^azureblob:/i.test(path)))];
  if (config.azure === undefined && registry === undefined && data.length === 0) return undefined;
  return { azure: config.azure, registry, data };
}

/** What everything that asks Azure is given. */
export interface Asking {
  credential: ChainedCredential;
  deps: LoopDeps;
}

/** Who we are, which source said so, and why no other did. */
export async function lookAtIdentity(
  { credential }: Asking,
  { azure, data }: AzureUse,
  signal: AbortSignal,
): Promise<Found> {
  const scope =
    azure !== undefined ? SCOPE.resourceManager : data.length > 0 ? SCOPE.storage : SCOPE.registry;
  const { token } = await credential.getToken(scope, { abortSignal: signal });
  return ok(`${credential.name}${whoIn(token)}; ${credential.others}`);
}

/** The workspace, and whether jobs may be seen there. */
export async function lookAtWorkspace(
  asking: Asking,
  azure: AzureConfig,
  signal: AbortSignal,
): Promise<Found> {
  const ml = openMl(asking, azure, signal);
  const { location } = await ml.asking(`reading the workspace "${azure.workspace}"`, () =>
    ml.client.workspaces.get(...ml.at),
  );
  await ml.asking('listing the jobs', async () => {
    for await (const _ of ml.client.jobs.list(...ml.at).byPage()) return;
  });
  return ok(
    `the workspace "${azure.workspace}" in ${azure.resourceGroup} (${location}) and its jobs can be read`,
  );
}

const ML = 'Microsoft.MachineLearningServices/workspaces';
const ML_WRITES = [`${ML}/jobs/write`, `${ML}/codes/versions/write`, `${ML}/data/versions/write`];
const DATA_SCIENTIST = 'AzureML Data Scientist';

/** Whether a job may be submitted, by what our roles allow. */
export async function lookAtSubmitting(
  asking: Asking,
  azure: AzureConfig,
  signal: AbortSignal,
): Promise<Found> {
  const permissions = await listPermissions(openMl(asking, azure, signal));
  if (permissions === undefined)
    return skipped(
      'Azure does not tell this identity what its roles allow: submitting shows when it is tried',
    );
  const missing = missingIn(permissions);
  if (missing.length === 0) return ok(`jobs may be submitted to "${azure.workspace}"`);
  return warn(
    `no job can be submitted to "${azure.workspace}": ${missing.join(', ')} is not allowed`,
    `Give the identity the role "${DATA_SCIENTIST}" on the workspace; who only plans or releases needs none.`,
  );
}

/** Whether what jobs leave may be read. */
export async function lookAtStorage(asking: Asking, azure: AzureConfig, signal: AbortSignal): Promise<Found> {
  const ml = openMl(asking, azure, signal);
  const datastore = await readDatastore(ml);
  const address = blobsIn(datastore, 'edgeloop', ml);
  await tryListing(address, asking.credential, signal);
  return ok(
    `${DEFAULT_DATASTORE} (${address.name}) can be read; code and data that are uploaded need "Storage Blob Data Contributor", which shows when they are`,
  );
}

/** Whether the data can be listed. */
export async function lookAtData(asking: Asking, { data }: AzureUse, signal: AbortSignal): Promise<Found> {
  await Promise.all(
    data.map((named) =>
      tryListing(parseBlobAddress(named, asking.deps.environment), asking.credential, signal),
    ),
  );
  return ok(`${data.join(', ')} can be read`);
}

export function openMl({ credential, deps }: Asking, settings: AzureConfig, signal: AbortSignal) {
  const { environment, mask } = deps;
  return openMlWorkspace({ settings, credential, environment, mask, signal });
}

function missingIn(permissions: readonly ArmPermission[]): string[] {
  return ML_WRITES.filter((action) => !allows(permissions, action));
}

const claimsSchema = z.object({
  tid: z.string().optional(),
  oid: z.string().optional(),
  appid: z.string().optional(),
  upn: z.string().optional(),
});

/** What a token says of its owner, as far as that can be read: whom a role is given to. */
function whoIn(token: string): string {
  const [, payload = ''] = token.split('.');
  try {
    const { upn, appid, oid, tid } = claimsSchema.parse(
      JSON.parse(Buffer.from(payload, 'base64url').toString()),
    );
    const facts = [
      ...(upn === undefined ? [] : [upn]),
      ...(appid === undefined ? [] : [`application ${appid}`]),
      ...(oid === undefined ? [] : [`object ${oid}`]),
      ...(tid === undefined ? [] : [`tenant ${tid}`]),
    ];
    return facts.length === 0 ? '' : ` (${facts.join(', ')})`;
  } catch {
    return '';
  }
}
