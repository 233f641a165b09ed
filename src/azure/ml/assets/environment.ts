import { createHash } from 'node:crypto';
import { misuse } from '../../../errors.ts';
import { makeOnce } from './make-once.ts';
import type { MlWorkspace } from '../workspace.ts';

/**
 * What a job names as its environment: one of the workspace (`azureml:NAME:VERSION`), of a registry (its `azureml://` id),
 * or an image by its digest, for which the workspace gets an environment once.
 */
export async function provideEnvironment(ml: MlWorkspace, environment: string): Promise<string> {
  if (environment.startsWith('azureml://')) return environment;
  const [, name, version] = /^azureml:([^:]+):([^:]+)$/.exec(environment) ?? [];
  if (name !== undefined && version !== undefined) {
    // The service itself knows the curated ones by this short form (azure-ai-ml, `get_asset_arm_id`).
    return name.startsWith('AzureML-') ? environment : `${ml.id}/environments/${name}/versions/${version}`;
  }
  if (!/@sha256:[0-9a-f]{64}$/.test(environment)) {
    throw misuse(
      'environment-unsupported',
      `"${environment}" is no environment of Azure Machine Learning`,
      'Write azureml:NAME:VERSION, azureml://registries/REGISTRY/environments/NAME/versions/VERSION or IMAGE@sha256:….',
    );
  }
  return provideImage(ml, environment);
}

/** The environment of an image, with packages of conda's where a file lists them; made once for both. Gives an ARM id. */
export async function provideImage(ml: MlWorkspace, image: string, condaFile?: string): Promise<string> {
  const content = condaFile === undefined ? image : JSON.stringify([image, condaFile]);
  const name = `edgeloop-${createHash('sha256').update(content).digest('hex').slice(0, 32)}`;
  const properties = { image, osType: 'Linux', ...(condaFile !== undefined && { condaFile }) };
  const { environmentVersions } = ml.client;
  await makeOnce(ml, `the environment ${name} of ${image}`, {
    find: () => environmentVersions.get(...ml.at, name, '1'),
    make: () => environmentVersions.createOrUpdate(...ml.at, name, '1', { properties }),
  });
  return `${ml.id}/environments/${name}/versions/1`;
}
