import { type ArmResource, listResources } from '../../azure/arm.ts';
import type { MlWorkspace } from '../../azure/ml/workspace.ts';
import type { AzureConfig } from '../../config/index.ts';
import { type Asking, type AzureUse, openMl } from './azure-checks.ts';
import { type Found, ok, skipped, warn } from './check.ts';

const REGISTRIES = {
  type: 'Microsoft.ContainerRegistry/registries',
  // The first stable one that has roleAssignmentMode.
  apiVersion: '2025-11-01',
};
const ACCOUNTS = { type: 'Microsoft.Storage/storageAccounts', apiVersion: '2023-05-01' };

/** Where something lies. */
export interface Located {
  /** `registry acme.azurecr.io`. */
  what: string;
  region: string;
}

/** By whom the registry lets itself be used: roles of the registry, or of its repositories (ABAC). */
export async function lookAtRegistryMode(
  asking: Asking,
  azure: AzureConfig,
  host: string,
  signal: AbortSignal,
): Promise<Found> {
  const registry = await findRegistry(openMl(asking, azure, signal), host);
  if (registry === undefined) return skipped(unseen(host, azure));
  if (registry.properties['roleAssignmentMode'] === 'AbacRepositoryPermissions') {
    return ok(
      `${host} has repository permissions (ABAC): Container Registry Repository Reader and Writer count, AcrPull and AcrPush do not`,
    );
  }
  return ok(`${host} has roles by registry: AcrPull and AcrPush count, with metadata/write for locks`);
}

/** Whether workspace, registry and storage lie together. */
export async function lookAtRegions(
  asking: Asking,
  azure: AzureConfig,
  { registry, data }: AzureUse,
  signal: AbortSignal,
): Promise<Found> {
  const ml = openMl(asking, azure, signal);
  const [workspace, found, accounts] = await Promise.all([
    ml.asking(`reading the workspace "${azure.workspace}"`, () => ml.client.workspaces.get(...ml.at)),
    registry === undefined ? undefined : findRegistry(ml, registry),
    listResources(ml, ACCOUNTS),
  ]);
  const own = workspace.storageAccount?.split('/').at(-1);
  const named = data.map((address) => new URL(address).hostname);
  const wanted = [...new Set([...(own === undefined ? [] : [own]), ...named])];
  const places: Located[] = [
    { what: `workspace ${azure.workspace}`, region: workspace.location ?? '' },
    ...(found === undefined || registry === undefined
      ? []
      : [{ what: `registry ${registry}`, region: found.location }]),
    ...wanted.flatMap((name) => {
      const account = accounts?.find((one) => one.name === name);
      return account === undefined ? [] : [{ what: `storage ${name}`, region: account.location }];
    }),
  ];
  const hidden = [
    ...(registry !== undefined && found === undefined ? [`registry ${registry}`] : []),
    ...wanted
      .filter((name) => !places.some(({ what }) => what === `storage ${name}`))
      .map((name) => `storage ${name}`),
  ];
  return compareRegions(places, hidden);
}

/** What it means where things lie; `hidden` are those that could not be seen. */
function compareRegions(places: readonly Located[], hidden: readonly string[]): Found {
  const regions = new Set(places.map(({ region }) => plain(region)));
  const listed = places.map(({ what, region }) => `${what} in ${region}`).join(', ');
  const rest = hidden.length === 0 ? '' : `; not seen: ${hidden.join(', ')}`;
  if (regions.size > 1) {
    return warn(
      `they lie in different regions: ${listed}${rest}`,
      'Every training, upload and release moves its bytes between them: slower, and paid for as traffic between regions (some 0.02 USD a GB within Europe or North America, more between continents). Put them into one region.',
    );
  }
  if (places.length < 2) return skipped(`${listed}${rest}: nothing to compare`);
  return ok(`${listed}${rest}`);
}

async function findRegistry(ml: MlWorkspace, host: string): Promise<ArmResource | undefined> {
  const all = await listResources(ml, REGISTRIES);
  return all?.find(({ properties }) => properties['loginServer'] === host);
}

function unseen(host: string, { subscription }: AzureConfig): string {
  return `${host} is not among the registries of the subscription ${subscription} that this identity may see (role Reader): whether it has repository permissions (ABAC) is not known`;
}

/** `West Europe` and `westeurope` are one. */
function plain(region: string): string {
  return region.replaceAll(' ', '').toLowerCase();
}
