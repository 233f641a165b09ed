import { createHash } from 'node:crypto';
import { provideEnvironment } from '../environment.ts';
import type { JobCommon } from '../job-body.ts';
import { makeOnce } from '../once.ts';
import type { MlWorkspace } from '../workspace.ts';

/** What a job file needs in the workspace besides the job; each gives an ARM id, or a registry's address. */
export interface JobAssets {
  /** ARM id of the workspace. */
  workspace: string;
  code(folder: string): Promise<string>;
  /** By name and version, or an image by its digest. */
  environment(name: string): Promise<string>;
  /** An image with packages of conda's, as its file lists them. */
  condaEnvironment(image: string, condaFile: string): Promise<string>;
  /** An anonymous component; `version` names its content. */
  component(version: string, properties: object): Promise<string>;
}

/** The name of all components that exist for one job only (azure-ai-ml, `ANONYMOUS_COMPONENT_NAME`). */
export const ANONYMOUS = 'azureml_anonymous';

/** Makes what is not there yet, once per content. */
export function assetsIn(ml: MlWorkspace, { code }: Pick<JobCommon, 'code'>): JobAssets {
  const { environmentVersions, componentVersions } = ml.client;
  return {
    workspace: ml.id,
    code,
    environment: (name) => provideEnvironment(ml, name),
    async condaEnvironment(image, condaFile) {
      const content = JSON.stringify([image, condaFile]);
      const name = `edgeloop-${createHash('sha256').update(content).digest('hex').slice(0, 32)}`;
      const properties = { image, condaFile, osType: 'Linux' };
      await makeOnce(ml, `the environment ${name} of ${image} with conda`, {
        find: () => environmentVersions.get(...ml.at, name, '1'),
        make: () => environmentVersions.createOrUpdate(...ml.at, name, '1', { properties }),
      });
      return `${ml.id}/environments/${name}/versions/1`;
    },
    async component(version, properties) {
      await makeOnce(ml, `the component ${ANONYMOUS}:${version}`, {
        find: () => componentVersions.get(...ml.at, ANONYMOUS, version),
        make: () => componentVersions.createOrUpdate(...ml.at, ANONYMOUS, version, { properties }),
      });
      return `${ml.id}/components/${ANONYMOUS}/versions/${version}`;
    },
  };
}

/** Makes nothing: to see whether a file is as it has to be. */
export const NO_ASSETS: JobAssets = {
  workspace: '',
  code: async () => '',
  environment: async () => '',
  condaEnvironment: async () => '',
  component: async () => '',
};
