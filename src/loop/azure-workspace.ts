import type { MlWorkspace } from '../azure/ml/workspace.ts';
import type { AzureConfig, Config } from '../config/index.ts';
import { misuse } from '../errors.ts';
import type { LoopDeps, Workspace } from './workspace.ts';

/** Where the project's jobs and registered models are. Throws the misuse `azure-required`. */
export function requireAzure({ azure, file }: Pick<Config, 'azure' | 'file'>): AzureConfig {
  if (azure !== undefined) return azure;
  throw misuse(
    'azure-required',
    `${file} names no Azure Machine Learning workspace`,
    'Add a section "azure" with subscription, resourceGroup and workspace.',
  );
}

/** Opens that workspace once, when it is first asked for: Azure's SDKs are loaded then. */
export function openAzure(config: Config, deps: LoopDeps): Workspace['azure'] {
  let opened: Promise<MlWorkspace> | undefined;
  const open = async (): Promise<MlWorkspace> => {
    const settings = requireAzure(config);
    const [{ openMlWorkspace }, { azureCredential }] = await Promise.all([
      import('../azure/ml/workspace.ts'),
      import('../azure/identity.ts'),
    ]);
    const { environment, idToken, mask, signal } = deps;
    const credential = azureCredential(environment, { idToken, mask });
    return openMlWorkspace({ settings, credential, environment, mask, signal });
  };
  return () => (opened ??= open());
}
