// A training is submitted to Azure Machine Learning: what is sent, and that one training is one job, whatever breaks.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { submitTraining } from '../../src/azure/ml/submit/submit.ts';
import type { ServiceTraining } from '../../src/training/index.ts';
import { type Azurite, azuriteAvailable } from '../fixtures/azurite.ts';
import { startSubmitScene, type SubmitScene } from '../fixtures/submit-scene.ts';

const JOB_PUT = { method: 'PUT', path: /\/jobs\// };
const nameOf = ({ inputKey }: ServiceTraining) => `edgeloop-churn-${inputKey.slice(0, 12)}`;

describe.skipIf(!azuriteAvailable())('a training on Azure Machine Learning', () => {
  let scene: SubmitScene;
  beforeAll(async () => {
    scene = await startSubmitScene();
  }, 60_000);
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  });
  afterEach(() => {
    scene.ml.heal();
  });

  const submit = (training: ServiceTraining, signal?: AbortSignal) =>
    submitTraining(scene.open(signal), training, scene.log);
  const ended = (name: string) => scene.ml.jobs.all.get(name)?.ended;

  it('runs with its code, data and params, and leaves its model where we look for it', async () => {
    const training = scene.training();
    const name = nameOf(training);
    expect(await submit(training)).toEqual({
      name,
      page: expect.stringContaining(`https://ml.azure.com/runs/${name}`),
      submitted: true,
      isEnded: false,
      earlierMinutes: 0,
    });
    await ended(name);
    const job = scene.ml.jobs.all.get(name);
    expect({ status: job?.status, log: String(job?.log) }).toMatchObject({ status: 'Completed' });
    const model = scene.container().getBlobClient(`edgeloop/models/churn/${name}/model.onnx`);
    expect(String(await model.downloadToBuffer())).toBe('a,b\none word; $(exit 1)');
    expect(job?.properties).toMatchObject({
      tags: { 'dev.edgeloop.input-key': training.inputKey, 'dev.edgeloop.model': 'churn' },
      limits: { timeout: 'PT60S' },
    });
  });

  it('is attached to, not submitted twice', async () => {
    const training = scene.training();
    await submit(training);
    await ended(nameOf(training));
    const before = scene.ml.requests.length;
    expect(await submit(training)).toMatchObject({
      name: nameOf(training),
      submitted: false,
      isEnded: true,
    });
    expect(scene.sent(before)).toEqual([`GET /jobs/${nameOf(training)}`]);
  });

  it('sends code, data and environment that are there already no second time', async () => {
    const first = scene.training();
    await submit(first);
    const before = scene.ml.requests.length;
    await submit({ ...first, inputKey: scene.training().inputKey });
    const writes = scene.sent(before).filter((sent) => !sent.startsWith('GET'));
    expect(writes).toEqual([expect.stringMatching(/^PUT \/jobs\/edgeloop-churn-/)]);
  });

  it('is one job when two runners submit it at once', async () => {
    const training = scene.training();
    const both = await Promise.all([submit(training), submit(training)]);
    expect(both.map(({ name }) => name)).toEqual([nameOf(training), nameOf(training)]);
    expect(both.filter(({ submitted }) => submitted)).toHaveLength(1);
    await ended(nameOf(training));
    expect(scene.ml.jobs.all.get(nameOf(training))?.status).toBe('Completed');
  });

  it('is one job when two submit it with another time limit', async () => {
    const training = scene.training();
    const both = await Promise.all([submit(training), submit({ ...training, timeoutMs: 90_000 })]);
    expect(both.filter(({ submitted }) => submitted)).toHaveLength(1);
    expect([...scene.ml.jobs.all.keys()].filter((name) => name.startsWith(nameOf(training)))).toHaveLength(1);
  });

  it.each([
    // The SDK asks again, and is told that the job is there.
    ['once', 1, false],
    ['each time', Infinity, true],
  ])('is found when the answer to its submission is lost %s', async (_, times, submitted) => {
    const training = scene.training();
    scene.ml.fault({ fault: 'reset', when: 'after' }, { ...JOB_PUT, times });
    expect(await submit(training)).toMatchObject({ name: nameOf(training), submitted });
    await ended(nameOf(training));
    expect(scene.ml.jobs.all.get(nameOf(training))?.status).toBe('Completed');
  });

  it('is told as not submitted when it never arrived', async () => {
    const training = scene.training();
    scene.ml.fault({ fault: 'reset', when: 'before' }, { ...JOB_PUT, times: Infinity });
    await expect(submit(training)).rejects.toMatchObject({ code: 'http-failed' });
    expect(scene.ml.jobs.all.has(nameOf(training))).toBe(false);
  });

  it('is known to its user who cancels while it is submitted', async () => {
    const training = scene.training();
    const user = new AbortController();
    scene.ml.fault({ fault: 'answer', status: 429, headers: { 'retry-after': '1' } }, JOB_PUT);
    const submitted = submit(training, user.signal);
    await expect
      .poll(() => scene.ml.requests.at(-1), { timeout: 30_000 })
      .toMatchObject({ method: 'PUT', status: 429 });
    user.abort();
    // It can be cancelled now.
    expect(await submitted).toMatchObject({ name: nameOf(training), submitted: true });
  });

  it('is known to its user who cancels while its answers are lost', async () => {
    const training = scene.training();
    const user = new AbortController();
    scene.ml.fault({ fault: 'reset', when: 'after' }, { ...JOB_PUT, times: Infinity });
    const submitted = submit(training, user.signal);
    await expect.poll(() => scene.ml.jobs.all.has(nameOf(training)), { timeout: 30_000 }).toBe(true);
    user.abort();
    expect(await submitted).toMatchObject({ name: nameOf(training) });
  });

  it('gets a next attempt after one that failed, and one that somebody cancelled', async () => {
    const training = scene.training();
    scene.ml.jobs.script([{ state: 'Failed' }], new RegExp(`^${nameOf(training)}$`));
    scene.ml.jobs.script(
      [{ state: 'Running' }, { state: 'Canceled' }],
      new RegExp(`^${nameOf(training)}-2$`),
    );
    for (const attempt of ['', '-2', '-3']) {
      const job = await submit(training);
      expect(job).toMatchObject({ name: `${nameOf(training)}${attempt}`, submitted: true });
      await ended(job.name);
    }
    expect(await submit(training)).toMatchObject({ name: `${nameOf(training)}-3`, submitted: false });
  });

  it('may not take what earlier attempts have used up; nothing is sent then', async () => {
    const training = scene.training();
    scene.ml.jobs.script([{ state: 'Running', ms: 1200 }, { state: 'Failed' }], new RegExp(nameOf(training)));
    const budget = { ...training.budget, maxMinutes: 1.01 };
    await submit({ ...training, budget });
    await ended(nameOf(training));
    const before = scene.ml.requests.length;
    const again = submit({ ...scene.training(), inputKey: training.inputKey, budget });
    await expect(again).rejects.toMatchObject({ code: 'training-budget', exitCode: 3 });
    expect(scene.sent(before).filter((sent) => !sent.startsWith('GET'))).toEqual([]);
  });

  it('is not mixed up with a job of another training that has its name', async () => {
    const training = scene.training();
    await submit(training);
    const other = `${training.inputKey.slice(0, 12)}${'0'.repeat(52)}`;
    await expect(submit({ ...training, inputKey: other })).rejects.toMatchObject({ code: 'job-name-taken' });
  });

  it.each<[string, Partial<ServiceTraining>, string]>([
    ['a placeholder that stands for nothing', { work: { run: 'x ${{inputs.z}}' } }, 'placeholder-unknown'],
    ['an environment of another form', { environment: 'python:3.12' }, 'environment-unsupported'],
  ])('is refused for %s before anything is sent', async (_, changed, code) => {
    const before = scene.ml.requests.length;
    await expect(submit(scene.training(changed))).rejects.toMatchObject({ code });
    expect(scene.sent(before).filter((sent) => !sent.startsWith('GET'))).toEqual([]);
  });

  it('names the role that is missing', async () => {
    scene.ml.may.role = 'Reader';
    try {
      await expect(submit(scene.training())).rejects.toMatchObject({ code: 'azure-forbidden' });
    } finally {
      scene.ml.may.role = 'AzureML Data Scientist';
    }
  });

  it.each([
    'azureml:AzureML-sklearn-1.5:1',
    'azureml://registries/azureml/environments/sklearn-1.5/versions/12',
  ])('runs in an environment of Azure: %s', async (environment) => {
    const training = scene.training({ environment });
    await submit(training);
    await ended(nameOf(training));
    expect(scene.ml.jobs.all.get(nameOf(training))?.status).toBe('Completed');
  });

  it("is a team's own job file, with its input and output bound", async () => {
    const folder = scene.folder({
      'job.yml': [
        'type: command',
        'command: cat ${{inputs.train}}/a.csv > ${{outputs.model}}/model.onnx',
        'environment: azureml:AzureML-sklearn-1.5:1',
        'compute: azureml:cpu',
        'inputs: { train: { type: uri_folder } }',
        'outputs: { model: { type: uri_folder } }',
      ].join('\n'),
    });
    const code = { folder, digest: `sha256:${'0'.repeat(64)}` };
    const work = { jobFile: `${folder}/job.yml` };
    const training = scene.training({ work, code, environment: undefined, compute: undefined, params: {} });
    expect(await submit(training)).toMatchObject({ name: nameOf(training), submitted: true });
    await ended(nameOf(training));
    const model = scene.container().getBlobClient(`edgeloop/models/churn/${nameOf(training)}/model.onnx`);
    expect(String(await model.downloadToBuffer())).toBe('a,b\n');
  });

  it('shows no secret: no signature in a log, an asset or a job, and no account key is asked for', () => {
    const signatures = scene.proxy.requests.flatMap(({ path }) => /[?&]sig=([^&]+)/.exec(path)?.[1] ?? []);
    expect(signatures.length).toBeGreaterThan(0);
    const { key }: Azurite = scene.azurite;
    const shown = JSON.stringify([scene.logged, scene.ml.requests.map(({ body }) => body)]);
    for (const signature of new Set(signatures)) {
      expect(scene.masked).toContain(signature);
      expect(shown).not.toContain(signature);
      expect(shown).not.toContain(decodeURIComponent(signature));
    }
    expect(shown).not.toContain(key);
    expect(shown).not.toMatch(/Bearer |sig=/);
    expect(scene.sent().filter((sent) => sent.includes('listSecrets'))).toEqual([]);
  });
});
