import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { misuse } from '../../errors.ts';
import { grantedActions, isAzureRegistry } from '../../oci/index.ts';
import { registryLogIn } from '../registry-log-in.ts';
import { repositoryOf, type Workspace } from '../workspace.ts';
import { type Found, ok, skipped, warn } from './check.ts';

/** What the registry lets us do with all models; `undefined` where it does not say. */
export type Granted = ReadonlySet<string> | undefined;

const LISTS = ['pull', 'pull,push'];
/** Azure's own, for locks and listings. */
const AZURE_LISTS = [...LISTS, 'metadata_read', 'metadata_write'];

/** The host of the registry; `undefined` for a folder. */
export function registryHost({ config }: Workspace): string | undefined {
  return config.registry.startsWith('oci:') ? undefined : config.registry.split('/')[0];
}

/** Reads the tags of each model. */
export async function lookAtRegistry(workspace: Workspace): Promise<Found> {
  const { config } = workspace;
  const counts = await Promise.all(
    Object.keys(config.models).map(async (model) => {
      const tags = await repositoryOf(workspace, model).tags();
      return `${model}: ${tags.length === 0 ? 'nothing yet' : `${tags.length} tags`}`;
    }),
  );
  return ok(`${config.registry} can be read (${counts.join(', ')})`);
}

/** Asks for tokens, one for each thing that there is to do; writes nothing. Throws what logging in throws. */
export async function askWhatWeMay(workspace: Workspace, signal: AbortSignal): Promise<Granted> {
  const [host = '', ...prefix] = workspace.config.registry.split('/');
  const authorization = registryLogIn({ ...workspace.deps, signal })(host);
  const lists = isAzureRegistry(host) ? AZURE_LISTS : LISTS;
  const all = await Promise.all(
    Object.keys(workspace.config.models).map((model) =>
      grantedActions({ host, authorization, signal, repository: [...prefix, model].join('/') }, lists),
    ),
  );
  // Each model needs it.
  return all.reduce((one, other) => one && other && one.intersection(other));
}

/** Whether a release can be kept. */
export async function lookAtWriting(workspace: Workspace, granted: () => Promise<Granted>): Promise<Found> {
  const { registry } = workspace.config;
  if (registry.startsWith('oci:')) return lookAtFolder(registry.slice('oci:'.length));
  const actions = await granted();
  if (actions === undefined)
    return skipped(
      `${registry} does not say in its tokens what they are for: writing shows when it is tried`,
    );
  if (actions.has('push')) return ok(`${registry} may be written`);
  return warn(
    `${registry} may only be read: no candidate can be kept and nothing released from here`,
    isAzureRegistry(registryHost(workspace) ?? '')
      ? "Give the identity AcrPush on the registry, or Container Registry Repository Writer where it has repository permissions (ABAC); a token's scope map content/write. Who only plans or pulls needs neither."
      : 'Use an account that may push. Who only plans or pulls needs none.',
  );
}

/** Whether released versions can be locked, at Azure. */
export async function lookAtLocks(workspace: Workspace, granted: () => Promise<Granted>): Promise<Found> {
  const host = registryHost(workspace) ?? '';
  const actions = await granted();
  if (actions === undefined)
    return skipped(`${host} does not say in its tokens whether versions may be locked`);
  if (actions.has('metadata_write')) return ok(`versions may be locked at ${host}`);
  return warn(
    `versions may not be locked at ${host} (metadata/write): a release would end with version-unlocked`,
    "Give the identity a role with the action Microsoft.ContainerRegistry/registries/metadata/write, Container Registry Repository Writer where the registry has repository permissions (ABAC), or a token's scope map metadata/write.",
  );
}

function lookAtFolder(folder: string): Found {
  let place = folder;
  while (!existsSync(place)) place = dirname(place);
  if (!statSync(place).isDirectory())
    throw misuse('registry-not-writable', `${place} is no folder`, 'Remove it, or name another one.');
  try {
    accessSync(place, constants.W_OK);
  } catch {
    throw misuse('registry-not-writable', `${place} may not be written`, 'Change its owner or permissions.');
  }
  return ok(`${folder} may be written`);
}
