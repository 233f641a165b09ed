import { stringify } from 'yaml';
import { provideEnvironment, provideImage } from '../assets/environment.ts';
import type { JobCommon } from '../submit/job-body.ts';
import { makeOnce } from '../assets/make-once.ts';
import type { MlWorkspace } from '../workspace.ts';
import { checkSecrets } from './secrets.ts';
import { type Environment, VERSIONED } from './settings.ts';
import { openSource, type SourceFile } from './source-file.ts';

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
  const { componentVersions } = ml.client;
  return {
    workspace: ml.id,
    code,
    environment: (name) => provideEnvironment(ml, name),
    condaEnvironment: (image, condaFile) => provideImage(ml, image, condaFile),
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

type Path = readonly (string | number)[];

/** ARM id of a compute; undefined where there is none, which is serverless. */
export function computeId(workspace: string, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const plain = name.replace(/^azureml:/, '');
  return plain.startsWith('/') ? plain : `${workspace}/computes/${plain}`;
}

/** What is named by its version: an ARM id of this workspace, or a registry's address. */
export function versionId(workspace: string, collection: string, name: string): string {
  if (name.startsWith('azureml://')) return name;
  const plain = name.replace(/^azureml:/, '');
  if (plain.startsWith('/')) return plain;
  const [asset, version] = plain.split(':');
  return `${workspace}/${collection}/${asset}/versions/${version}`;
}

const MODELS = new Set(['mlflow_model', 'custom_model', 'triton_model']);

/** Data or a model that a job reads besides the training data. */
export function dataUri(
  workspace: string,
  source: SourceFile,
  at: Path,
  { path, type }: { path?: string | undefined; type: string },
): string {
  if (path === undefined) throw source.wrong(at, 'has no "path"; only "train" gets one from Edgeloop');
  if (!VERSIONED.test(path)) {
    throw source.wrong(
      [...at, 'path'],
      `found "${path.replace(/\?.*/s, '?…')}", expected azureml:NAME:VERSION: what lies elsewhere may change, which no input key would show; small files can be part of the code`,
    );
  }
  return versionId(workspace, MODELS.has(type) ? 'models' : 'data', path);
}

/** An environment by name; one that the file describes is made. */
export async function environmentId(
  assets: JobAssets,
  source: SourceFile,
  at: Path,
  environment: Environment,
): Promise<string> {
  if (typeof environment === 'string') {
    const arm = /^(?:azureml:)?(\/subscriptions\/.*)/.exec(environment)?.[1];
    return arm ?? assets.environment(environment);
  }
  const { image, conda_file: conda } = environment;
  if (conda === undefined) return assets.environment(image);
  if (typeof conda !== 'string') return assets.condaEnvironment(image, stringify(conda));
  const file = openSource(source.within(conda, [...at, 'conda_file']), source.root);
  checkSecrets(file);
  return assets.condaEnvironment(image, file.content);
}
