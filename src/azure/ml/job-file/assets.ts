import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { provideEnvironment } from '../environment.ts';
import { makeOnce } from '../once.ts';
import type { MlWorkspace } from '../workspace.ts';
import type { DataInput } from './io-schema.ts';
import { type Environment, VERSIONED } from './settings-schema.ts';
import type { SourceFile } from './source-file.ts';

type Path = readonly (string | number)[];

/** ARM id of a compute; undefined where there is none, which is serverless. */
export function computeId(ml: MlWorkspace, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const plain = name.replace(/^azureml:/, '');
  return plain.startsWith('/') ? plain : `${ml.id}/computes/${plain}`;
}

/** What is named by its version: an ARM id of this workspace, or a registry's address. */
export function versionId(ml: MlWorkspace, collection: string, name: string): string {
  if (name.startsWith('azureml://')) return name;
  const plain = name.replace(/^azureml:/, '');
  if (plain.startsWith('/')) return plain;
  const [asset, version] = plain.split(':');
  return `${ml.id}/${collection}/${asset}/versions/${version}`;
}

const MODELS = new Set(['mlflow_model', 'custom_model', 'triton_model']);

/** Data or a model that a job reads besides the training data. */
export function dataUri(ml: MlWorkspace, source: SourceFile, at: Path, { path, type }: DataInput): string {
  if (path === undefined) throw source.wrong(at, 'has no "path"; only "train" gets one from Edgeloop');
  if (!VERSIONED.test(path)) {
    throw source.wrong(
      [...at, 'path'],
      `found "${path.replace(/\?.*/s, '?…')}", expected azureml:NAME:VERSION: what lies elsewhere may change, which no input key would show; small files can be part of the code`,
    );
  }
  return versionId(ml, MODELS.has(type) ? 'models' : 'data', path);
}

/** An environment of the workspace; one that the file describes is made, once per content. */
export async function environmentId(
  ml: MlWorkspace,
  source: SourceFile,
  at: Path,
  environment: Environment,
): Promise<string> {
  if (typeof environment === 'string') {
    const arm = /^(?:azureml:)?(\/subscriptions\/.*)/.exec(environment)?.[1];
    return arm ?? provideEnvironment(ml, environment);
  }
  const { image, conda_file: conda } = environment;
  if (conda === undefined) return provideEnvironment(ml, image);
  const condaFile =
    typeof conda === 'string'
      ? readFileSync(source.within(conda, [...at, 'conda_file']), 'utf8')
      : stringify(conda);
  const content = JSON.stringify([image, condaFile]);
  const name = `edgeloop-${createHash('sha256').update(content).digest('hex').slice(0, 32)}`;
  const properties = { image, condaFile, osType: 'Linux' };
  await makeOnce(ml, `the environment ${name} of ${source.name}`, {
    find: () => ml.client.environmentVersions.get(...ml.at, name, '1'),
    make: () => ml.client.environmentVersions.createOrUpdate(...ml.at, name, '1', { properties }),
  });
  return `${ml.id}/environments/${name}/versions/1`;
}
