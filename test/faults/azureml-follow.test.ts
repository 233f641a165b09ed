// What goes wrong while a job of Azure Machine Learning is followed, and what must not be taken for its end.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { followJob } from '../../src/azure/ml/follow/follow.ts';
import type { Job } from '../fakes/azureml/job.ts';
import { startFaultProxy } from '../fakes/fault-proxy.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { listener, type MlScene, startMlScene } from '../fixtures/azureml-scene.ts';

const JOB = /\/jobs\/[^/?]+\?/;
const DETAILS = /\/runs\/[^/]+\/details/;
const LOG = /std_log\.txt/;
const MLFLOW = /\/mlflow\/runs\/get/;
/** A status that the SDK itself does not try again. */
const NOT_RETRIED = 501;

const end = (job: Job, status: Job['status'], more: Partial<Job> = {}) =>
  void Object.assign(job, { status, endedAt: new Date(), ...more });

describe.skipIf(!azuriteAvailable())('while a job of Azure Machine Learning is followed', () => {
  let scene: MlScene;
  let count = 0;
  beforeAll(async () => {
    scene = await startMlScene();
  }, 60_000);
  afterEach(() => {
    scene.azure.heal();
    scene.azure.may.role = 'AzureML Data Scientist';
    scene.azure.may.logUrlLivesMs = 3_600_000;
  });
  afterAll(async () => {
    await scene?.stop();
  });

  /** A job that runs until the test says how it ends. */
  const held = async (properties = {}): Promise<Job> => {
    count += 1;
    const name = `held-${count}`;
    scene.azure.jobs.script([{ state: 'Running', ms: Infinity }], new RegExp(`^${name}$`));
    await scene.submit(name, 'true', properties);
    const job = scene.azure.jobs.all.get(name);
    if (job === undefined) throw new Error(`there is no job ${name}`);
    return job;
  };
  const follow = (job: Job, options: Parameters<MlScene['workspace']>[0] & { patienceMs?: number } = {}) => {
    const heard = listener();
    const { patienceMs, ...rest } = options;
    const deps = { ...heard, ...(patienceMs !== undefined && { patienceMs }) };
    const ended = followJob(scene.workspace(rest), job.name, deps).catch((error: unknown) => error);
    return { ...heard, ended };
  };
  /** Waits for so many answers to requests like this from now on. */
  const answers = async (path: RegExp, times: number, status?: number) => {
    const from = scene.azure.requests.length;
    const met = () =>
      scene.azure.requests
        .slice(from)
        .filter((seen) => path.test(`${seen.path}?`) && (status ?? seen.status) === seen.status);
    while (met().length < times) await sleep(5);
  };

  describe.each([
    ['the job', JOB],
    ['its details', DETAILS],
    ['its log', LOG],
    ['its metrics', MLFLOW],
  ])('%s is answered with errors for a while', (_, path) => {
    it.each([
      ['500', { fault: 'answer', status: 500 }],
      [`${NOT_RETRIED}, which nothing tries again by itself`, { fault: 'answer', status: NOT_RETRIED }],
      ['429', { fault: 'answer', status: 429, headers: { 'retry-after': '1' } }],
      ['a reset', { fault: 'reset', when: 'before' }],
    ] as const)('%s: every line is told once, and the end is its end', async (__, fault) => {
      const job = await held();
      job.say('one\n::metric auc 0.9\n');
      const { lines, ended } = follow(job);
      if (path === LOG || path === JOB) while (lines.length < 2) await sleep(5);
      scene.azure.fault(fault, { path, times: 2 });
      job.say('two\n');
      await sleep(100);
      end(job, 'Completed');
      expect(await ended).toMatchObject({
        name: job.name,
        metrics: { auc: 0.9 },
        minutes: expect.any(Number),
      });
      expect(lines).toEqual(['one', '::metric auc 0.9', 'two']);
      expect(scene.azure.requests.some((seen) => seen.fault === fault.fault)).toBe(true);
      scene.azure.requests.length = 0;
    });
  });

  it('a storm of 429 is waited out as long as it asks for', async () => {
    const job = await held();
    scene.azure.fault({ fault: 'answer', status: 429 }, { path: JOB, times: 10 });
    scene.azure.fault(
      { fault: 'answer', status: 429, headers: { 'retry-after': '1' } },
      { path: JOB, nth: 11, times: 3 },
    );
    const { told, ended } = follow(job);
    await answers(JOB, 1, 200);
    end(job, 'Completed');
    expect(await ended).toMatchObject({ name: job.name });
    expect(told.filter((line) => line.startsWith('warn'))).toEqual([
      expect.stringMatching(
        /Azure does not tell of the job held-\d+: reading the job held-\d+: 429 TooManyRequests/,
      ),
    ]);
    expect(told).toContain(`info: Azure tells of the job ${job.name} again`);
  });

  it('an answer that never comes is asked for again', async () => {
    const job = await held();
    await using proxy = await startFaultProxy(scene.azure.url, {
      tls: await scene.azurite.authority.issue('proxy', 'IP:127.0.0.1'),
      authority: scene.azurite.authority.certificate,
    });
    proxy.fault({ fault: 'stall', of: 'answer', afterBytes: 0 }, { path: JOB });
    const { ended } = follow(job, { armUrl: proxy.url, answerMs: 300 });
    await answers(JOB, 3, 200);
    end(job, 'Completed');
    expect(await ended).toMatchObject({ name: job.name });
    expect(proxy.requests.flatMap(({ faults }) => faults)).toEqual(['stall']);
  });

  it('gives up after its patience with nothing but errors, and says that the job runs on', async () => {
    const job = await held();
    scene.azure.fault({ fault: 'answer', status: NOT_RETRIED }, { path: JOB, times: Infinity });
    expect(await follow(job, { patienceMs: 500 }).ended).toMatchObject({
      code: 'training-unreachable',
      exitCode: 1,
      message: expect.stringContaining('501'),
      remedy: expect.stringContaining('The job runs on'),
    });
    expect(job.status).toBe('Running');
  });

  it('the time of its end is waited for when run history learns of it later', async () => {
    const job = await held();
    const { ended } = follow(job);
    await answers(DETAILS, 1);
    Object.assign(job, { status: 'Completed' });
    await answers(DETAILS, 1);
    job.endedAt = new Date((job.startedAt?.getTime() ?? 0) + 90_000);
    expect(await ended).toMatchObject({ minutes: 1.5 });
  });

  it('an outage of run history costs lines and minutes, not the training', async () => {
    const job = await held();
    scene.azure.fault({ fault: 'answer', status: 400 }, { path: /\/history\//, times: Infinity });
    const { told, ended } = follow(job);
    await answers(DETAILS, 2);
    end(job, 'Completed');
    expect(await ended).toEqual({ name: job.name, minutes: undefined, metrics: {} });
    expect(told.filter((line) => line.includes('lines of the job'))).toEqual([
      expect.stringMatching(/^warn: .*are missing here; all are at https:\/\/ml\.azure\.com\//),
    ]);
  });

  it.each([
    ['the job', JOB],
    ['its details', DETAILS],
  ])('one 401 for %s asks for a new token and goes on', async (_, path) => {
    const job = await held();
    const { lines, ended } = follow(job);
    await answers(DETAILS, 1);
    const before = scene.tokens.length;
    scene.azure.fault({ fault: 'answer', status: 401 }, { path });
    // With the next state it is looked at anew which logs there are.
    job.shown = 'Finalizing';
    await answers(path, 1, 401);
    job.say('goes on\n');
    end(job, 'Completed', { shown: undefined });
    expect(await ended).toMatchObject({ name: job.name });
    expect(lines).toEqual(['goes on']);
    expect(scene.tokens.length).toBeGreaterThan(before);
  });

  it('tokens that the service takes no longer are replaced', async () => {
    const job = await held();
    const { lines, told, ended } = follow(job);
    await answers(DETAILS, 1);
    scene.azure.gate.revoke();
    job.say('goes on\n');
    await answers(JOB, 1, 200);
    end(job, 'Completed');
    expect(await ended).toMatchObject({ name: job.name });
    expect(lines).toEqual(['goes on']);
    expect(told.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  it('tokens that end during the wait are renewed', async () => {
    const job = await held();
    const { ended } = follow(job, { tokenLivesMs: 1000 });
    await sleep(2500);
    end(job, 'Completed');
    expect(await ended).toMatchObject({ name: job.name });
  });

  it('a role that is missing is told at once', async () => {
    const job = await held();
    scene.azure.may.role = 'nothing';
    expect(await follow(job).ended).toMatchObject({
      code: 'azure-forbidden',
      remedy: expect.stringContaining('AzureML Data Scientist'),
    });
  });

  it('a job that was deleted is told to be missing', async () => {
    const job = await held();
    scene.azure.jobs.all.delete(job.name);
    expect(await follow(job).ended).toMatchObject({ code: 'training-job-missing' });
  });

  it('URLs of logs that end are asked for anew', async () => {
    const job = await held();
    job.say('one\n');
    scene.azure.may.logUrlLivesMs = 300;
    const { lines, ended } = follow(job);
    await answers(LOG, 1, 403);
    job.say('two\n');
    while (lines.length < 2) await sleep(5);
    end(job, 'Completed');
    expect(await ended).toMatchObject({ name: job.name });
    expect(lines).toEqual(['one', 'two']);
  });

  it.each(['NotResponding', 'Paused', 'Unknown', 'Hibernating'] as const)(
    '%s is not the end: the job may come back',
    async (state) => {
      const job = await held();
      const { told, ended } = follow(job);
      await answers(JOB, 1);
      // The description has no state "Hibernating": the answer is written past its check.
      if (state === 'Hibernating') {
        const body = { name: job.name, properties: { ...job.properties, status: state } };
        scene.azure.fault({ fault: 'answer', status: 200, body }, { path: JOB, times: 3 });
      } else job.shown = state;
      await answers(JOB, 3);
      job.shown = undefined;
      scene.azure.heal();
      await answers(JOB, 1);
      end(job, 'Completed');
      expect(await ended).toMatchObject({ name: job.name });
      const states = told.map((line) => line.replace(/^.* is /, ''));
      expect(states.slice(-4)).toEqual(['Running', state, 'Running', 'Completed']);
    },
  );

  it('a job that fails tells the error of the service, its last lines and where they are', async () => {
    const job = await held();
    for (let line = 1; line <= 30; line += 1) job.say(`line ${line}\n`);
    job.say('\u001B[31mValueError: no rows\u001B[0m');
    const { ended } = follow(job);
    await answers(LOG, 1);
    end(job, 'Failed', { error: { code: 'UserError', message: 'Execution failed. exit code 1' } });
    const failed = (await ended) as Error;
    expect(failed).toMatchObject({ code: 'training-failed', exitCode: 1 });
    expect(failed.message).toMatch(
      /^the job held-\d+ failed after \d+\.\d minutes: UserError, "Execution failed\. exit code 1"\. Its last lines:\n/,
    );
    expect(failed.message).not.toContain('line 11\n');
    expect(failed.message).toContain('\n  line 12\n');
    expect(failed.message).toMatch(
      /\n {2}ValueError: no rows\nAll of it is at https:\/\/ml\.azure\.com\/runs\//,
    );
  });

  it('a job that somebody else cancels is told to be cancelled', async () => {
    const job = await held();
    const { ended } = follow(job);
    await answers(JOB, 1);
    scene.azure.jobs.cancel(job.name);
    expect(await ended).toMatchObject({ code: 'training-cancelled-elsewhere', exitCode: 1 });
  });

  it('a job that the service ends at its limit is told to have taken too long', async () => {
    const job = await held({ limits: { jobLimitsType: 'Command', timeout: 'PT60S' } });
    const { ended } = follow(job);
    await answers(JOB, 1);
    end(job, 'Canceled', { startedAt: new Date(Date.now() - 61_000) });
    expect(await ended).toMatchObject({ code: 'training-timeout', message: expect.stringContaining('60 s') });
  });
});
