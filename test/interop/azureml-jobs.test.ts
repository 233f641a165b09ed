// Jobs of the stand-in for Azure Machine Learning: they run, fail, are cancelled, and tell of it, as Microsoft's client sees it.
import { homedir } from 'node:os';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ContainerClient } from '@azure/storage-blob';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../fakes/azureml/job.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { type MlScene, startMlScene } from '../fixtures/ml-scene.ts';
import { processesLeftIn } from '../fixtures/processes-in.ts';

const ENVIRONMENT = 'azureml:AzureML-sklearn-1.5:1';
const RUN_HISTORY = resolve(
  import.meta.dirname,
  '../fixtures/azure-rest-api/specification/machinelearningservices/data-plane/Microsoft.MachineLearningServices/preview/2019-08-01/runHistory.json',
);
const LOG = 'user_logs/std_log.txt';

const output = (path: string, jobOutputType = 'uri_folder') => ({
  jobOutputType,
  uri: `azureml://datastores/workspaceblobstore/paths/${path}`,
});
const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((seen) => setTimeout(seen, 5));
};
const bound = (value: string) => ({ job_input_type: 'literal', value });

describe.skipIf(!azuriteAvailable())('a job of the stand-in for Azure Machine Learning', () => {
  let scene: MlScene;
  beforeAll(async () => {
    scene = await startMlScene();
  }, 60_000);
  afterAll(() => scene?.[Symbol.asyncDispose]());

  /** Submits a job with Microsoft's client; the stand-in's own view of it. */
  const submit = async (name: string, properties: object): Promise<Job> => {
    const { client, at } = scene.workspace();
    const sent = { jobType: 'Command', environmentId: ENVIRONMENT, command: 'true', ...properties };
    await client.jobs.createOrUpdate(...at, name, { properties: sent });
    const job = scene.ml.jobs.all.get(name);
    if (job === undefined) throw new Error(`${name} was not submitted`);
    return job;
  };
  const read = async (name: string) => {
    const { client, at } = scene.workspace();
    return (await client.jobs.get(...at, name)).properties;
  };
  const details = async (name: string) => (await scene.data(`history /runs/${name}/details`)).body;
  const logUrl = async (name: string) => {
    const { logFiles } = await details(name);
    return (logFiles as Record<string, string>)[LOG] ?? '';
  };
  const stored = async (path: string) => {
    const container = new ContainerClient(
      `${scene.azurite.url}/${scene.azurite.account}/${scene.ml.container}`,
      {
        getToken: async () => ({ token: scene.azurite.token(), expiresOnTimestamp: Date.now() + 3_600_000 }),
      },
    );
    return String(await container.getBlobClient(path).downloadToBuffer());
  };

  it('gets code and data, leaves its output, and has nothing of ours in its environment', async () => {
    const { send, client, at } = scene.workspace();
    const upload = (await send({
      method: 'POST',
      path: '/codes/churn/versions/1/startPendingUpload',
      apiVersion: '2023-04-01',
      body: { pendingUploadType: 'TemporaryBlobReference' },
    })) as { blobReferenceForConsumption: { blobUri: string; credential: { sasUri: string } } };
    const { blobUri, credential } = upload.blobReferenceForConsumption;
    const script = 'cat "$1/a.csv" > "$2/model.onnx"; echo "::metric auc 0.9"; echo "$3"; env';
    await new ContainerClient(credential.sasUri)
      .getBlockBlobClient('code/train.sh')
      .upload(script, script.length);
    await client.codeVersions.createOrUpdate(...at, 'churn', '1', {
      properties: { codeUri: `${blobUri}/code` },
    });
    const data = await scene.azurite.container('data');
    await data.getBlockBlobClient('train/a.csv').upload('a,b\n', 4);
    const uri = `https://${scene.azurite.account}.blob.core.windows.net/data/train`;
    await client.dataVersions.createOrUpdate(...at, 'train', '1', {
      properties: { dataType: 'uri_folder', dataUri: uri },
    });
    const job = await submit('runs', {
      command:
        'sh train.sh ${{inputs.train}} ${{outputs.model}} "${{inputs.trees}}$[[ and ${{inputs.none}}]]"',
      codeId: `${scene.ml.id}/codes/churn/versions/1`,
      inputs: {
        train: { jobInputType: 'uri_folder', uri: `${scene.ml.id}/data/train/versions/1` },
        trees: { jobInputType: 'literal', value: '120' },
      },
      outputs: { model: output('out/${{name}}') },
    });
    await job.ended;
    expect(job.walked).toEqual(
      'NotStarted Starting Provisioning Preparing Queued Running Finalizing Completed'.split(' '),
    );
    const log = await (await fetch(await logUrl('runs'))).text();
    expect({ status: (await read('runs')).status, log }).toEqual({
      status: 'Completed',
      log: expect.stringMatching(/^::metric auc 0\.9\n120\n/),
    });
    expect(await stored('out/runs/model.onnx')).toBe('a,b\n');
    expect(log).not.toMatch(/VITEST|NODE_/);
    expect(log).not.toContain(`HOME=${homedir()}\n`);
    const run = await scene.data('mlflow /api/2.0/mlflow/runs/get?run_id=runs');
    expect(run.body).toMatchObject({ run: { data: { metrics: [{ key: 'auc', value: 0.9 }] } } });
  });

  it('shows its log as it grows, to whom its URL was given, and by ranges', async () => {
    const job = await submit('logs', { command: 'echo first; sleep 60' });
    await until(() => job.log.length > 0);
    const url = await logUrl('logs');
    const part = async (range: string, from = url) => {
      const response = await fetch(from, { headers: { range } });
      return [response.status, await response.text()];
    };
    expect(await part('bytes=2-')).toEqual([206, 'rst\n']);
    expect(await part('bytes=6-')).toEqual([416, expect.stringContaining('InvalidRange')]);
    job.say('second\n');
    expect(await part('bytes=6-')).toEqual([206, 'second\n']);
    expect(await part('bytes=0-', url.replace(/sig=.{5}/, 'sig=AAAAA'))).toEqual([
      403,
      expect.stringContaining('AuthenticationFailed'),
    ]);
    expect((await read('logs')).status).toBe('Running');
    scene.ml.jobs.cancel('logs');
    await job.ended;
  });

  it('fails with its exit status, and with what it could not read', async () => {
    await (
      await submit('fails', { command: 'echo no >&2; exit 3' })
    ).ended;
    expect(await details('fails')).toMatchObject({
      status: 'Failed',
      error: { error: { code: 'UserError', message: expect.stringContaining('status code 3') } },
      endTimeUtc: expect.any(String),
    });
    const inputs = {
      train: {
        jobInputType: 'uri_folder',
        uri: 'azureml://datastores/workspaceblobstore/paths/none',
      },
    };
    await (
      await submit('reads', { inputs })
    ).ended;
    expect(await details('reads')).toMatchObject({
      error: { error: { code: 'ScriptExecution.StreamAccess.NotFound' } },
    });
  });

  it.each([
    ['when it has had its time', 'timed', { limits: { jobLimitsType: 'Command', timeout: 'PT1S' } }],
    ['when somebody asks for it', 'asked', {}],
  ])('is cancelled %s, with all that it has started', async (_, name, more) => {
    const job = await submit(name, { command: 'pwd; sleep 600 & sleep 600', ...more });
    await until(() => job.log.includes('\n'));
    const folder = String(job.log).trim();
    expect(await processesLeftIn(folder, 0)).not.toHaveLength(0);
    const { client, at } = scene.workspace();
    if (name === 'asked') await client.jobs.beginCancelAndWait(...at, name, { updateIntervalInMs: 10 });
    await job.ended;
    expect((await read(name)).status).toBe('Canceled');
    expect(await processesLeftIn(folder, 5000)).toEqual([]);
  });

  it('goes the way that a test wants, and tells another state where a test says so', async () => {
    scene.ml.jobs.script([{ state: 'Queued', ms: Infinity }], /^queued$/);
    const job = await submit('queued', {});
    await until(() => job.status === 'Queued');
    job.shown = 'NotResponding';
    expect((await read('queued')).status).toBe('NotResponding');
    job.shown = undefined;
    expect((await read('queued')).status).toBe('Queued');
    scene.ml.jobs.cancel('queued');
    await job.ended;
    expect(await details('queued')).toMatchObject({ status: 'Canceled' });
  });

  it('is created once, whoever sends the same again', async () => {
    await (
      await submit('once', { command: 'echo once' })
    ).ended;
    await submit('once', { command: 'echo once', tags: { more: 'x' } });
    expect(await read('once')).toMatchObject({ status: 'Completed', tags: { more: 'x' } });
    await expect(submit('once', { command: 'echo twice' })).rejects.toThrow(
      "the existing job's Command cannot be changed",
    );
    await expect(submit('nowhere', { computeId: `${scene.ml.id}/computes/gpu` })).rejects.toThrow(
      'Unknown compute target',
    );
    await expect(
      submit('bare', { environmentId: `${scene.ml.id}/environments/e/versions/1` }),
    ).rejects.toThrow('does not exist');
  });

  it('of the type sweep runs its trials and names the best', async () => {
    const job = await submit('sweep', {
      jobType: 'Sweep',
      trial: { command: 'echo "::metric auc ${{search_space.rate}}"', environmentId: ENVIRONMENT },
      searchSpace: { rate: ['choice', [[0.2, 0.1, 0.3]]] },
      samplingAlgorithm: { samplingAlgorithmType: 'Grid' },
      objective: { goal: 'Minimize', primaryMetric: 'auc' },
      limits: { jobLimitsType: 'Sweep', maxTotalTrials: 10 },
      outputs: { model: output('sweeps/${{name}}') },
    });
    await job.ended;
    expect(await read('sweep')).toMatchObject({
      status: 'Completed',
      properties: { best_child_run_id: 'sweep_1', score: '0.1' },
    });
    expect(await read('sweep_1')).toMatchObject({ outputs: { model: output('sweeps/sweep_1') } });
    const children = (await scene.data('history /runs/sweep/children')).body['value'];
    expect(children).toMatchObject([{ runId: 'sweep_0' }, { runId: 'sweep_1' }, { runId: 'sweep_2' }]);
  });

  it('of the type pipeline runs its steps in the order of what they read', async () => {
    const { client, at, send } = scene.workspace();
    const component = {
      name: 'prepare',
      type: 'command',
      inputs: { word: { type: 'string' } },
      outputs: { text: { type: 'uri_folder' } },
      command: 'echo ${{inputs.word}} > ${{outputs.text}}/a.txt',
      environment: ENVIRONMENT,
    };
    await client.componentVersions.createOrUpdate(...at, 'prepare', '1', {
      properties: { componentSpec: component },
    });
    const pipeline = {
      jobType: 'Pipeline',
      inputs: { greeting: { jobInputType: 'literal', value: 'hello' } },
      outputs: { model: output('pipes/${{name}}') },
      jobs: {
        train: {
          type: 'command',
          command: 'cp ${{inputs.from}}/a.txt ${{outputs.model}}/model.onnx',
          environmentId: ENVIRONMENT,
          inputs: { from: bound('${{parent.jobs.prepare.outputs.text}}') },
          outputs: { model: { type: 'literal', value: '${{parent.outputs.model}}' } },
        },
        prepare: {
          type: 'command',
          componentId: `${scene.ml.id}/components/prepare/versions/1`,
          inputs: { word: bound('${{parent.inputs.greeting}}') },
        },
      },
    };
    const put = send({
      method: 'PUT',
      path: '/jobs/pipe',
      apiVersion: '2022-10-01',
      body: { properties: pipeline },
    });
    await expect(put).rejects.toMatchObject({
      details: { error: { message: expect.stringContaining('x-azureml-token') } },
    });
    const token = scene.token('https://ml.azure.com');
    await client.jobs.createOrUpdate(
      ...at,
      'pipe',
      { properties: pipeline },
      { requestOptions: { customHeaders: { 'x-azureml-token': token } } },
    );
    await scene.ml.jobs.all.get('pipe')?.ended;
    expect(await details('pipe')).toMatchObject({ status: 'Completed' });
    expect(await stored('pipes/pipe/model.onnx')).toBe('hello\n');
    const ajv = new Ajv({ strict: false, validateSchema: false, validateFormats: false, allErrors: true });
    ajv.addSchema(JSON.parse(readFileSync(RUN_HISTORY, 'utf8')), 'history');
    const fits = (name: string, body: unknown) => {
      ajv.validate({ $ref: `history#/definitions/${name}` }, body);
      return ajv.errorsText();
    };
    expect(fits('RunDetails', await details('pipe'))).toBe('No errors');
    const { body } = await scene.data('history /runs/pipe/children');
    expect(fits('PaginatedRunList', body)).toBe('No errors');
    expect(fits('RunDetails', { runId: 1 })).toContain('must be string');
    expect(await read('pipe_prepare')).toMatchObject({ status: 'Completed' });
  });
});
