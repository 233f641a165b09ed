import { loadConfig } from '../config/index.ts';
import { openWorkingTree } from '../git/index.ts';
import { isAzureRegistry, openReference, openRegistry, type OpenRegistryOptions } from '../oci/index.ts';
import { openAzure } from './azure-workspace.ts';
import { chooseVersionHistory } from './on-github.ts';
import { registryLogIn } from './registry-log-in.ts';
import { type LoopDeps, workPath, type Workspace } from './workspace.ts';

/** Opens the project of `deps.cwd` and chooses its adapters from the configuration. */
export async function openWorkspace(deps: LoopDeps): Promise<Workspace> {
  const config = loadConfig(deps.cwd, deps.config, deps.environment);
  const sourceControl = await openWorkingTree(config.root);
  const options = {
    authorize: registryLogIn(deps),
    signal: deps.signal,
    uploads: workPath({ config }, 'uploads'),
  };
  const workspace: Workspace = {
    config,
    registry: openRegistry(config.registry, options),
    openReference: (reference) => openReference(reference, options),
    sourceControl,
    versionHistory: await chooseVersionHistory(config, sourceControl, deps),
    mirrors: [],
    locks: locksOf(config.registry, options),
    azure: openAzure(config, deps),
    deps,
  };
  if (config.github.releases) {
    // What writes reports is loaded only where it is asked for.
    const { gitHubReleases } = await import('./github-releases.ts');
    workspace.mirrors.push(gitHubReleases(workspace));
  }
  if (config.azure !== undefined) {
    const { azureModels } = await import('./azure-models.ts');
    workspace.mirrors.push(azureModels(workspace));
  }
  return workspace;
}

/** Azure's SDK is loaded only when the first lock is asked for. */
function locksOf(registry: string, { authorize, signal }: OpenRegistryOptions): Workspace['locks'] {
  const [host = '', ...prefix] = registry.split('/');
  if (!isAzureRegistry(host)) return undefined;
  return async (model) => {
    const { openRegistryLocks } = await import('../azure/registry-locks.ts');
    const authorization = authorize?.(host);
    const repository = [...prefix, model].join('/');
    return openRegistryLocks({
      host,
      repository,
      ...(authorization && { authorization }),
      ...(signal && { signal }),
    });
  };
}
