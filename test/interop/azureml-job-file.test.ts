// A team's own job files: sent as azure-ai-ml sends them, and run by the stand-in for Azure Machine Learning.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import type { JobCommon } from '../../src/azure/ml/submit/job-body.ts';
import { jobFromFile } from '../../src/azure/ml/job-file/index.ts';
import { openJobOutput } from '../../src/azure/ml/outputs.ts';
import { submitTraining } from '../../src/azure/ml/submit/submit.ts';
import type { ServiceTraining } from '../../src/training/index.ts';
import type { FakeAzureMl } from '../fakes/azureml/stand-in.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { canonicalJob } from '../fixtures/canonical-job.ts';
import { startSubmitScene, type SubmitScene } from '../fixtures/submit-scene.ts';

const FOLDER = join(import.meta.dirname, '../fixtures/azureml-jobs');
const NAMES = readdirSync(FOLDER).flatMap((file) => /^(.+)\.rest\.json$/.exec(file)?.[1] ?? []);
const IMAGE = `mcr.microsoft.com/azureml/base@sha256:${'1'.repeat(64)}`;

const contentOf = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');
const bindings = z
  .object({
    name: z.string(),
    experiment: z.string(),
    train: z.string(),
    model: z.string(),
    timeoutSeconds: z.number(),
    params: z.record(z.string(), z.number()),
    tags: z.record(z.string(), z.string()),
    properties: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(contentOf('bindings.json')));
const restSchema = z.object({
  job: z.record(z.string(), z.unknown()),
  environments: z.record(z.string(), z.unknown()).default({}),
  components: z.record(z.string(), z.unknown()).default({}),
});
const fileSchema = z.object({ inputs: z.object({ train: z.object({ type: z.string() }) }) });

function boundTo(workspace: string, name: string): JobCommon {
  const { type } = fileSchema.parse(parse(contentOf(`${name}.yml`))).inputs.train;
  return {
    name: bindings.name,
    experimentName: bindings.experiment,
    tags: bindings.tags,
    properties: bindings.properties,
    code: async (folder) => `${workspace}/codes/${relative(FOLDER, folder)}/versions/1`,
    data: {
      id: `${workspace}/data/edgeloop-data/versions/1`,
      type: type === 'uri_file' ? 'uri_file' : 'uri_folder',
    },
    outputUri: bindings.model,
    timeout: `PT${bindings.timeoutSeconds}S`,
    computeId: undefined,
  };
}

/** What a job's own request said, and those for what it needs, which may have been made for another job before. */
function madeBy(requests: FakeAzureMl['requests'], since: number, workspace: string) {
  const puts = (pattern: RegExp, from = 0) =>
    Object.fromEntries(
      requests.slice(from).flatMap(({ method, path, body }) => {
        const [, name, version] = pattern.exec(path) ?? [];
        if (method !== 'PUT' || name === undefined) return [];
        const { properties } = z.object({ properties: z.unknown() }).parse(body);
        return [[version === undefined ? name : `${name}/${version}`, properties]];
      }),
    );
  const made = {
    job: Object.values(puts(/\/jobs\/([^/?]+)/, since))[0],
    environments: puts(/\/environments\/([^/?]+)/),
    components: puts(/\/components\/([^/?]+)\/versions\/([^/?]+)/),
  };
  return restSchema.parse(JSON.parse(JSON.stringify(made).replaceAll(workspace, '/workspace')));
}

describe.skipIf(!azuriteAvailable())("a team's own job file", () => {
  let scene: SubmitScene;
  beforeAll(async () => {
    scene = await startSubmitScene();
  }, 60_000);
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  });

  it.each(NAMES)('%s is sent as azure-ai-ml sends it', async (name) => {
    const ml = scene.open();
    const before = scene.ml.requests.length;
    const training = scene.training({
      work: { jobFile: join(FOLDER, `${name}.yml`) },
      params: bindings.params,
      code: { folder: FOLDER },
      timeoutMs: bindings.timeoutSeconds * 1000,
    });
    const properties = await jobFromFile(ml, training, boundTo(ml.id, name));
    // There are no such computes: it is read, and refused.
    await ml.client.jobs.createOrUpdate(...ml.at, name, { properties }).catch(() => undefined);

    const ours = madeBy(scene.ml.requests, before, ml.id);
    const theirs = restSchema.parse(
      JSON.parse(
        contentOf(`${name}.rest.json`).replaceAll(/\/subscriptions\/[^"]+?\/workspaces\/edge/g, '/workspace'),
      ),
    );
    // The version of the API that we speak has the resources of a sweep in its trial only.
    if (theirs.job['jobType'] === 'Sweep') delete theirs.job['resources'];
    expect(canonicalJob(ours)).toEqual(canonicalJob(theirs));
  });

  /** Runs a job file to its end and gives the model that it left. */
  async function run(files: Record<string, string>, changed: Partial<ServiceTraining> = {}): Promise<string> {
    const folder = scene.folder(files);
    const training = scene.training({
      work: { jobFile: join(folder, 'train/job.yml') },
      params: { trees: 120 },
      code: { folder },
      environment: undefined,
      ...changed,
    });
    const { name } = await submitTraining(scene.open(), training, scene.log);
    const job = scene.ml.jobs.all.get(name);
    await job?.ended;
    expect({ status: job?.status, log: String(job?.log) }).toMatchObject({ status: 'Completed' });
    const store = await openJobOutput(scene.open(), name);
    const [model] = await store.list();
    const parts: Buffer[] = [];
    if (model !== undefined)
      await store.read(model, { from: 0, to: model.size }, async (body) => {
        for await (const part of body) parts.push(part);
      });
    return Buffer.concat(parts).toString();
  }

  const SCRIPT = 'printf "%s of " "$2" > "$3/model.onnx"; cat "$1/a.csv" >> "$3/model.onnx"\n';
  const ENDS = `
inputs:
  train: { type: uri_folder, path: ../../only/for/az/ml }
  trees: 10
outputs:
  model:
`;
  const RUNS = `command: sh train.sh \${{inputs.train}} \${{inputs.trees}} \${{outputs.model}}`;

  it('runs as a command, and leaves the model', async () => {
    const job = `${RUNS}\ncode: src\nenvironment: { image: ${IMAGE} }\ncompute: azureml:cpu${ENDS}`;
    expect(await run({ 'train/job.yml': job, 'train/src/train.sh': SCRIPT })).toBe('120 of a,b\n');
  });

  it('runs as a sweep, and leaves the model of the best trial', async () => {
    const job = `
type: sweep
trial:
  command: >-
    sh train.sh \${{inputs.train}} \${{search_space.depth}} \${{outputs.model}};
    echo "::metric loss \${{search_space.depth}}"
  code: ./src
  environment: { image: ${IMAGE} }
sampling_algorithm: grid
search_space:
  depth: { type: choice, values: [5, 3, 7] }
objective: { goal: minimize, primary_metric: loss }
limits: { max_total_trials: 3 }
${ENDS}`;
    expect(await run({ 'train/job.yml': job, 'train/src/train.sh': SCRIPT })).toBe('3 of a,b\n');
  });

  it('runs as a pipeline of a component in a file and a command, and leaves the model', async () => {
    const component = `
type: command
name: prepare
command: cp \${{inputs.raw}}/a.csv \${{outputs.rows}}/a.csv; echo "x,\${{inputs.note}}" >> \${{outputs.rows}}/a.csv
environment: { image: ${IMAGE} }
inputs:
  raw: { type: uri_folder }
  note: { type: string, default: y }
outputs:
  rows: { type: uri_folder }
`;
    const job = `
type: pipeline
settings: { default_compute: azureml:cpu }
jobs:
  fit:
    ${RUNS}
    code: src
    environment: { image: ${IMAGE} }
    inputs:
      train: \${{parent.jobs.prepare.outputs.rows}}
      trees: \${{parent.inputs.trees}}
    outputs:
      model: \${{parent.outputs.model}}
  prepare:
    component: ./prepare.yml
    inputs:
      raw: \${{parent.inputs.train}}
    outputs:
      rows: { mode: upload }
${ENDS}`;
    const files = { 'train/job.yml': job, 'train/prepare.yml': component, 'train/src/train.sh': SCRIPT };
    expect(await run(files)).toBe('120 of a,b\nx,y\n');
    // Its steps are started as the caller.
    const sent = scene.ml.requests.findLast(
      ({ method, path }) => method === 'PUT' && path.includes('/jobs/'),
    );
    expect(sent?.headers['x-azureml-token']).toMatch(/^[\w-]+\.[\w-]+\.[\w-]*$/);
  });

  it('is refused before anything is sent when it is wrong, or when its machines cost too much', async () => {
    const job = `${RUNS}\nenvironment: { image: ${IMAGE} }\nresources: { instance_count: 3 }${ENDS}`;
    const submitted = (text: string) => {
      const folder = scene.folder({ 'train/job.yml': text });
      const work = { jobFile: join(folder, 'train/job.yml') };
      const budget = { maxMinutes: undefined, maxCost: 0.04, hourlyRate: 1 };
      const changed = { work, budget, code: { folder }, params: { trees: 1 } };
      return submitTraining(scene.open(), scene.training({ ...changed, environment: undefined }), scene.log);
    };
    const before = scene.ml.requests.length;
    await expect(submitted(job)).rejects.toMatchObject({
      code: 'training-budget',
      message: expect.stringContaining('1 minutes on 3 machines: at 1 an hour that is 0.05'),
    });
    await expect(submitted(job.replace('trees: 10', 'tree: 10'))).rejects.toMatchObject({
      code: 'job-file-invalid',
    });
    expect(scene.sent(before).filter((sent) => !sent.startsWith('GET /jobs/'))).toEqual([]);
  });
});
