// A job of Azure Machine Learning from its submission to its end, through Microsoft's SDK, on the stand-in of it.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancelJob } from '../../src/azure/ml/cancel.ts';
import { followJob } from '../../src/azure/ml/follow/follow.ts';
import { openJobOutput } from '../../src/azure/ml/outputs.ts';
import { listOwnJobs } from '../../src/azure/ml/list-own-jobs.ts';
import { downloadRemote } from '../../src/dataset/index.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { listener, type MlScene, startMlScene } from '../fixtures/azureml-scene.ts';
import { scratchFolder } from '../fixtures/oci-layout.ts';

const MODEL = { model: { jobOutputType: 'uri_folder' } };
const SWEEP = {
  jobType: 'Sweep',
  command: undefined,
  environmentId: undefined,
  samplingAlgorithm: { samplingAlgorithmType: 'Grid' },
  searchSpace: { rate: ['choice', [['0.1', '0.9', '0.5']]] },
  objective: { goal: 'Maximize', primaryMetric: 'auc' },
  trial: {
    command:
      'echo rate ${{inputs.rate}}; echo "::metric auc ${{inputs.rate}}"; echo ${{inputs.rate}} > ${{outputs.model}}/model.onnx',
    environmentId: 'azureml:AzureML-sklearn-1.5:1',
  },
  outputs: MODEL,
};

const step = (command: string, inputs = {}) => ({
  type: 'command',
  command,
  environmentId: 'azureml:AzureML-sklearn-1.5:1',
  inputs,
  outputs: { out: { mode: 'Upload' } },
});

const tags = (n: number) => ({
  'dev.edgeloop.model': `churn-${n}`,
  'dev.edgeloop.input-key': `${n}`.repeat(64),
});

describe.skipIf(!azuriteAvailable())('following a job of Azure Machine Learning', () => {
  let scene: MlScene;
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  beforeAll(async () => {
    scene = await startMlScene();
    scratch = await scratchFolder();
  }, 60_000);
  afterAll(async () => {
    await scene?.stop();
    await scratch?.[Symbol.asyncDispose]();
  });

  /** A job that is in a state until the test says how it ends. */
  const held = async (name: string, state: 'Running' | 'Queued' = 'Running') => {
    scene.azure.jobs.script([{ state, ms: Infinity }], new RegExp(`^${name}$`));
    await scene.submit(name, 'true');
    const job = scene.azure.jobs.all.get(name);
    if (job === undefined) throw new Error(`there is no job ${name}`);
    return job;
  };
  const download = async (name: string) => {
    const store = await openJobOutput(scene.workspace(), name);
    const folder = join(scratch.path, name);
    await downloadRemote(store, await store.list(), folder, { cache: join(scratch.path, 'cache') });
    return readFileSync(join(folder, 'model.onnx'), 'utf8');
  };

  it('tells its states and lines, and what it took and measured', async () => {
    await scene.submit(
      'told',
      'echo one; echo "::metric auc 0.7"; sleep 0.2; echo "::metric auc 0.9"; echo zwei',
    );
    const heard = listener();
    const { name, minutes, metrics } = await followJob(scene.workspace(), 'told', heard);
    expect(heard.lines).toEqual(['one', '::metric auc 0.7', '::metric auc 0.9', 'zwei']);
    expect(heard.told.at(-1)).toBe('info: the job told is Completed');
    expect(heard.told).toContain('info: the job told is Running');
    expect({ name, metrics }).toEqual({ name: 'told', metrics: { auc: 0.9 } });
    expect(minutes).toBeGreaterThan(0.2 / 60);
    expect(minutes).toBeLessThan(1);
  });

  it('reads only what is new of a log, and tells each line once when it is whole', async () => {
    const job = await held('grown');
    const heard = listener();
    const following = followJob(scene.workspace(), 'grown', heard);
    const euro = Buffer.from('3 €\n');
    for (const piece of [
      'one\ntw',
      'o\n',
      euro.subarray(0, 3),
      euro.subarray(3),
      ' 50 %\r 100 %\r',
      '\nlast',
    ]) {
      const before = scene.azure.requests.length;
      job.say(piece);
      // Read twice, so that the second time finds nothing new.
      const reads = () =>
        scene.azure.requests.slice(before).filter(({ path }) => path.endsWith('grown/user_logs/std_log.txt'));
      while (reads().length < 2) await sleep(5);
    }
    expect(heard.lines).toEqual(['one', 'two', '3 €', ' 50 %', ' 100 %']);
    Object.assign(job, { status: 'Completed', endedAt: new Date() });
    await following;
    expect(heard.lines).toEqual(['one', 'two', '3 €', ' 50 %', ' 100 %', 'last']);
    const asked = scene.azure.requests.filter(({ path }) => path.endsWith('grown/user_logs/std_log.txt'));
    const starts = asked.map(({ headers }) => Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1]));
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(new Set(starts)).toEqual(new Set([0, 6, 8, 11, 14, 27, 32]));
    expect(scene.azure.requests.some(({ path }) => path.includes('system_logs'))).toBe(false);
  });

  it('tells the lines of a sweep’s trials, and takes metrics and model of the best', async () => {
    await scene.submit('swept', '', SWEEP);
    const heard = listener();
    const { metrics } = await followJob(scene.workspace(), 'swept', heard);
    expect(metrics).toEqual({ auc: 0.9 });
    expect(heard.lines.filter((line) => line.includes('rate'))).toEqual([
      '[swept_0] rate 0.1',
      '[swept_1] rate 0.9',
      '[swept_2] rate 0.5',
    ]);
    expect(await download('swept')).toBe('0.9\n');
  });

  it('tells the lines of a pipeline’s steps', async () => {
    const jobs = {
      prepare: step('echo prepared; echo rows > ${{outputs.out}}/rows.csv'),
      train: step('cat ${{inputs.rows}}/rows.csv', {
        rows: { jobInputType: 'literal', value: '${{parent.jobs.prepare.outputs.out}}' },
      }),
    };
    const properties = { jobType: 'Pipeline', command: undefined, environmentId: undefined, jobs };
    await scene.submit('piped', '', properties);
    const heard = listener();
    expect(await followJob(scene.workspace(), 'piped', heard)).toMatchObject({ name: 'piped' });
    expect(heard.lines).toEqual(['[piped_prepare] prepared', '[piped_train] rows']);
  });

  it('ends a pipeline that takes longer than it may: the service limits its steps only', async () => {
    const jobs = { train: step('echo begun; sleep 60') };
    const properties = { jobType: 'Pipeline', command: undefined, environmentId: undefined, jobs };
    await scene.submit('late', '', properties);
    const late = await followJob(scene.workspace(), 'late', { ...listener(), limitMs: 500 }).catch(
      (error: unknown) => error,
    );
    expect(late).toMatchObject({
      code: 'training-timeout',
      message: 'the pipeline late took longer than 0.5 s, and it was cancelled',
    });
    await scene.azure.jobs.all.get('late')?.ended;
    expect(scene.azure.jobs.all.get('late')?.status).toBe('Canceled');
  });

  it('masks every token and every signature, and tells none', async () => {
    await scene.submit('masked', 'echo "::metric auc 1"; echo done; exit 3');
    const heard = listener();
    const failed = await followJob(scene.workspace(), 'masked', heard).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'training-failed', message: expect.stringContaining('done') });
    const used = scene.azure.requests.flatMap(({ query: { sig } }) => sig ?? []);
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((signature) => !scene.masked.includes(signature))).toEqual([]);
    const said = [
      ...heard.lines,
      ...heard.told,
      JSON.stringify(failed),
      String((failed as Error).stack),
    ].join('\n');
    const secrets = [...used, ...used.map(encodeURIComponent), ...scene.tokens];
    expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
  });

  describe('its output', () => {
    it('is the folder of its model', async () => {
      await scene.submit('left', 'echo weights > ${{outputs.model}}/model.onnx', { outputs: MODEL });
      await followJob(scene.workspace(), 'left', listener());
      expect(await download('left')).toBe('weights\n');
    });

    it('is missing when the job left none, which tells what it did leave', async () => {
      const outputs = {
        ...MODEL,
        plots: {
          jobOutputType: 'uri_folder',
          uri: 'azureml://datastores/workspaceblobstore/paths/plots/${{name}}',
        },
      };
      await scene.submit('leftless', 'echo svg > ${{outputs.plots}}/roc.svg', { outputs });
      await followJob(scene.workspace(), 'leftless', listener());
      await expect(openJobOutput(scene.workspace(), 'leftless')).rejects.toMatchObject({
        code: 'training-without-model',
        message: expect.stringMatching(/azureblob:\/\/\S+\/leftless\/model; "plots" has roc\.svg$/),
        remedy: expect.stringContaining('https://ml.azure.com/runs/leftless'),
      });
    });
  });

  describe('cancelling it', () => {
    it.each([200, 202] as const)('works when the service answers %i, also after we were', async (answer) => {
      scene.azure.may.cancelAnswer = answer;
      const job = await held(`cancelled-${answer}`);
      const user = new AbortController();
      const ml = scene.workspace({ signal: user.signal });
      const following = followJob(ml, job.name, listener()).catch((error: unknown) => error);
      await sleep(50);
      user.abort(new Error('Ctrl-C'));
      expect(await following).toMatchObject({ message: 'Ctrl-C' });
      expect(job.status).toBe('Running');
      const cancelled = await cancelJob(ml, job.name);
      expect(cancelled).toMatchObject({ kind: 'confirmed', state: expect.stringMatching(/^Cancel/) });
      await job.ended;
      expect(job.status).toBe('Canceled');
    });

    it('is told to be unconfirmed when the service does not say so in time', async () => {
      const job = await held('deaf');
      job.shown = 'Running';
      expect(await cancelJob(scene.workspace(), 'deaf', { limitMs: 1500 })).toEqual({
        kind: 'unconfirmed',
        why: 'the job is still Running',
      });
    });

    it('is told to be unconfirmed when the service refuses it', async () => {
      const job = await held('kept');
      scene.azure.may.role = 'Reader';
      const cancelled = await cancelJob(scene.workspace(), 'kept').finally(
        () => (scene.azure.may.role = 'AzureML Data Scientist'),
      );
      expect(cancelled).toMatchObject({
        kind: 'unconfirmed',
        why: expect.stringContaining('AuthorizationFailed'),
      });
      expect(job.status).toBe('Running');
    });
  });

  it('lists the jobs of ours that have not ended, of all pages', async () => {
    for (const n of [1, 2, 3, 4, 5]) {
      scene.azure.jobs.script([{ state: 'Queued', ms: Infinity }], new RegExp(`^own-${n}$`));
      await scene.submit(`own-${n}`, 'true', { tags: tags(n) });
    }
    await scene.submit('own-ended', 'true', { tags: tags(6) });
    await scene.azure.jobs.all.get('own-ended')?.ended;
    await held('somebody-elses');
    const own = await listOwnJobs(scene.workspace());
    expect(own.map(({ name }) => name).toSorted()).toEqual(['own-1', 'own-2', 'own-3', 'own-4', 'own-5']);
    expect(own.find(({ name }) => name === 'own-2')).toEqual({
      name: 'own-2',
      model: 'churn-2',
      inputKey: '2'.repeat(64),
      state: 'Queued',
      since: scene.azure.jobs.all.get('own-2')?.createdAt,
      page: expect.stringContaining('https://ml.azure.com/runs/own-2'),
    });
  });
});
