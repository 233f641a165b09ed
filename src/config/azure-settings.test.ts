import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { EdgeloopError } from '../errors.ts';
import { loadConfig } from './index.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const schema: object = JSON.parse(readFileSync(join(ROOT, 'schema/edgeloop.schema.json'), 'utf8'));
const schemaAccepts = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema);

const AZURE = {
  subscription: '00000000-1111-2222-3333-444444444444',
  resourceGroup: 'edge',
  workspace: 'churn-ml',
};
const RUN = { run: 'python train.py', environment: 'azureml:churn:3' };
const IMAGE = `mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04@sha256:${'0a'.repeat(32)}`;

/** The churn example with these settings of its training, in the place of run, environment and target. */
function fileWith(train: object, azure: object | undefined): string {
  const document: unknown = parse(readFileSync(join(ROOT, 'examples/churn/edgeloop.yaml'), 'utf8'));
  const { models, ...rest } = Object(document);
  const { run: _, environment: __, target: ___, ...kept } = models.churn.train;
  const churn = { ...models.churn, train: { ...kept, ...train } };
  return stringify({ ...rest, ...(azure && { azure }), models: { churn } });
}

/** What is wrong with a file, without its place. */
function problems(text: string): string[] {
  const file = join(mkdtempSync(join(tmpdir(), 'edgeloop-azure-')), 'edgeloop.yaml');
  writeFileSync(file, text);
  try {
    loadConfig(ROOT, file, {});
    return [];
  } catch (error) {
    if (!(error instanceof EdgeloopError) || error.code !== 'config-invalid') throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim().replace(/^.*?: "/, '"'));
  }
}

describe('a training on Azure ML is taken with', () => {
  it.each([
    ['an environment of the workspace', RUN],
    [
      'a curated environment',
      { ...RUN, environment: 'azureml://registries/azureml/environments/sklearn-1.5/versions/12' },
    ],
    ['an image by its digest', { ...RUN, environment: IMAGE }],
    ['a cluster and limits', { ...RUN, compute: 'cpu-cluster', maxMinutes: 60, hourlyRate: 0.4, maxCost: 2 }],
    ['a size of serverless machines', { ...RUN, instance: 'Standard_E4ds_v4' }],
    ['a job file', { job: 'training/job.yml' }],
  ])('%s', (_, train) => {
    const text = fileWith({ target: 'azureml', ...train }, AZURE);
    expect({ problems: problems(text), schema: schemaAccepts(parse(text)) }).toEqual({
      problems: [],
      schema: true,
    });
  });
});

describe('a training is refused with', () => {
  it.each([
    [
      'no workspace',
      { target: 'azureml', ...RUN },
      undefined,
      '"models.churn.train.target": expected a section "azure"',
    ],
    [
      'an environment by a label',
      { target: 'azureml', ...RUN, environment: 'azureml:churn@latest' },
      AZURE,
      '"models.churn.train.environment": expected azureml:NAME:VERSION',
    ],
    [
      'an image by a tag',
      { target: 'azureml', ...RUN, environment: 'mcr.microsoft.com/x:1' },
      AZURE,
      '"models.churn.train.environment": expected azureml:NAME:VERSION',
    ],
    [
      'a lock file on Azure ML',
      { target: 'azureml', ...RUN, environment: 'package-lock.json' },
      AZURE,
      '"models.churn.train.environment": expected azureml:NAME:VERSION',
    ],
    [
      'a cost without a rate',
      { target: 'azureml', ...RUN, maxCost: 2 },
      AZURE,
      '"models.churn.train.maxCost": expected "hourlyRate" beside it',
    ],
    [
      'neither command nor job file',
      { target: 'azureml', environment: 'azureml:churn:3' },
      AZURE,
      '"models.churn.train.run": missing: the command that trains',
    ],
    [
      'both command and job file',
      { target: 'azureml', run: 'x', job: 'training/job.yml' },
      AZURE,
      '"models.churn.train.job": expected either "run" or "job", not both',
    ],
    [
      'a job file that has an environment beside it',
      { target: 'azureml', job: 'training/job.yml', environment: 'azureml:churn:3' },
      AZURE,
      '"models.churn.train.environment": not expected beside "job"',
    ],
    [
      'a job file on this machine',
      { job: 'training/job.yml' },
      AZURE,
      '"models.churn.train.job": expected "target: azureml" beside it',
    ],
    [
      'a compute on this machine',
      { run: 'x', environment: 'package-lock.json', compute: 'cpu' },
      AZURE,
      '"models.churn.train.compute": expected "target: azureml" beside it',
    ],
    ['no environment', { run: 'x' }, AZURE, '"models.churn.train.environment": missing'],
    [
      'a subscription by its name',
      { target: 'azureml', ...RUN },
      { ...AZURE, subscription: 'Edge' },
      '"azure.subscription": expected the id of a subscription',
    ],
    [
      'a workspace with a slash',
      { target: 'azureml', ...RUN },
      { ...AZURE, workspace: 'a/b' },
      '"azure.workspace": expected 2 to 33 letters',
    ],
  ])('%s', (_, train, azure, problem) => {
    const text = fileWith(train, azure);
    const [first, ...others] = problems(text);
    expect({ first: first?.slice(0, problem.length), others, schema: schemaAccepts(parse(text)) }).toEqual({
      first: problem,
      others: [],
      schema: false,
    });
  });
});
