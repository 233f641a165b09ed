// A whole `edgeloop retrain` on Azure ML, while something goes wrong on the way: at most one job is paid for, and what
// fails says how to go on.
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { runPost, startStep } from '../fixtures/action-runner.ts';
import {
  azureAvailable,
  type AzureScene,
  projectOnAzure,
  startAzureScene,
} from '../fixtures/azure-project.ts';
import { commit, edgeloopWith } from '../fixtures/churn-project.ts';
import { checkError, edit, leftIn } from '../fixtures/expect-error.ts';
import { interrupt } from '../fixtures/interrupt.ts';

const TRAIN =
  'node training/train.ts --data ${{inputs.train}} --out ${{outputs.model}} --trees ${{inputs.trees}}';
const SLOW =
  'node -e "console.log(\'under way\'); setTimeout(() => {}, 60000)" ${{inputs.train}} ${{outputs.model}} ${{inputs.trees}}';

const judged = (stdout: string): string | undefined => JSON.parse(stdout).verdict?.outcome;

/** A request without the names of what it asks for. */
const kind = ({ method, path }: { method: string; path: string }) =>
  `${method} ${path.replace(/.*\/workspaces\/[^/]+/, '').replace(/(jobs|codes|data|runs|versions|environments)\/[^/]+/g, '$1/NAME')}`;

describe.skipIf(!azureAvailable())('a training on Azure ML', () => {
  let azure: AzureScene;
  beforeAll(async () => {
    azure = await startAzureScene();
  }, 120_000);
  afterAll(async () => {
    await azure?.stop();
  });

  let trees = 12;
  /** A project whose training nobody has trained before. */
  const project = (settings: Parameters<typeof projectOnAzure>[1] = {}) =>
    projectOnAzure(azure, { trees: (trees += 1), ...settings });
  const retrain = (cwd: string, ...args: string[]) => azure.run(cwd, 'retrain', 'churn', '--json', ...args);
  const jobOf = (name = '') => {
    const job = azure.ml.jobs.all.get(name);
    if (job === undefined) throw new Error(`there is no job ${name}`);
    return job;
  };
  const heal = () => onTestFinished(() => azure.ml.heal());

  it('whose runner is killed is taken up by the next run, and paid once', async () => {
    const goOn = join(mkdtempSync(join(tmpdir(), 'edgeloop-held-')), 'go-on');
    const cwd = project({ run: `echo held && until [ -e ${goOn} ]; do sleep 0.1; done && ${TRAIN}` });
    const before = azure.jobsNow();
    const killed = await interrupt(cwd, ['retrain', 'churn'], { printed: '| held' }, 'SIGKILL', azure.common);
    expect(killed.code).toBe(null);
    const [name] = azure.jobsSince(before);
    expect(jobOf(name).status).toBe('Running');
    writeFileSync(goOn, '');
    const again = await retrain(cwd);
    expect({ code: again.code, stderr: again.stderr }).toMatchObject({ code: 0 });
    expect(JSON.parse(again.stdout)).toMatchObject({ job: name, verdict: { outcome: 'first' } });
    expect(again.stderr).toContain(`the job ${name} is there already`);
    expect(azure.jobsSince(before)).toEqual([name]);
  });

  it('that is cancelled with Ctrl-C is cancelled there, which is said, and is another attempt next time', async () => {
    const cwd = project({ run: SLOW });
    const before = azure.jobsNow();
    const ran = await interrupt(cwd, ['retrain', 'churn'], { printed: 'under way' }, 'SIGINT', azure.common);
    const [name] = azure.jobsSince(before);
    expect(ran.stderr).toMatch(
      new RegExp(`error\\[cancelled\\]: the training was cancelled, and the job ${name} with it`),
    );
    expect(ran.code).toBe(1);
    await jobOf(name).ended;
    expect(jobOf(name).status).toBe('Canceled');
    edit(cwd, 'edgeloop.yaml', ['timeout: 30m', 'timeout: 31m']);
    commit(cwd, 'wait longer');
    const detached = await azure.run(cwd, 'retrain', 'churn', '--detach', '--json');
    expect(JSON.parse(detached.stdout)).toMatchObject({ detached: true, job: `${name}-2` });
    azure.ml.jobs.cancel(`${name}-2`);
  });

  it('that has ended when it is cancelled is said to have, and its model is taken next time', async () => {
    const cwd = project({ run: `${TRAIN} && echo done` });
    const before = azure.jobsNow();
    const moment = { printed: '| done' };
    const running = interrupt(cwd, ['retrain', 'churn'], moment, 'SIGINT', azure.common);
    while (azure.jobsSince(before).length === 0) await new Promise((seen) => setTimeout(seen, 10));
    const [name] = azure.jobsSince(before);
    // Nobody here learns of its end before it is asked to be cancelled.
    jobOf(name).shown = 'Running';
    const { length } = azure.ml.requests;
    const isAsked = () => azure.ml.requests.slice(length).some(({ path }) => path.endsWith('/cancel'));
    while (!isAsked()) await new Promise((seen) => setTimeout(seen, 10));
    jobOf(name).shown = undefined;
    const ran = await running;
    expect(jobOf(name).status).toBe('Completed');
    expect(ran.stderr).toMatch(
      new RegExp(`error\\[cancelled\\]: cancelled; the job ${name} had been completed`),
    );
    expect(ran.code).toBe(1);
    const again = await retrain(cwd);
    expect(JSON.parse(again.stdout)).toMatchObject({ job: name, verdict: { outcome: 'first' } });
  }, 60_000);

  it.each([
    ['is cancelled', 'SIGINT'],
    ['is killed', 'SIGKILL'],
  ] as const)('whose step of a workflow %s is cancelled there', async (_, signal) => {
    const cwd = project({ run: SLOW });
    const before = azure.jobsNow();
    const options = { cwd, with: { model: 'churn' }, environment: azure.common };
    const step = startStep('retrain', options);
    while (!step.stdout().includes('under way')) {
      expect({ code: step.child.exitCode, stdout: step.stdout() }).toMatchObject({ code: null });
      await new Promise((seen) => setTimeout(seen, 20));
    }
    step.child.kill(signal);
    const ended = await step.ended;
    const [name = ''] = azure.jobsSince(before);
    const post = await runPost('retrain', options, ended);
    // A step that had the time has done it itself.
    const [own, left] = [new RegExp(`the job ${name} with it`), new RegExp(`cancelled the job ${name}`)];
    expect({ own: own.test(ended.stdout), left: left.test(post.stdout), code: post.code }).toEqual({
      own: signal === 'SIGINT',
      left: signal === 'SIGKILL',
      code: 0,
    });
    await jobOf(name).ended;
    expect(jobOf(name).status).toBe('Canceled');
  });

  it('that is left to itself is taken up when it has ended', async () => {
    const cwd = project();
    const left = JSON.parse((await azure.run(cwd, 'retrain', 'churn', '--detach', '--json')).stdout);
    expect(left).toMatchObject({ detached: true, candidate: null, verdict: null });
    await jobOf(left.job).ended;
    const before = azure.jobsNow();
    const ran = await azure.run(cwd, 'retrain', 'churn', '--detach', '--json');
    expect(JSON.parse(ran.stdout)).toMatchObject({ job: left.job, verdict: { outcome: 'first' } });
    expect(azure.jobsSince(before)).toEqual([]);
  });

  it('is not submitted where its log cannot be written', async () => {
    const cwd = project();
    mkdirSync(join(cwd, '.edgeloop'), { recursive: true });
    writeFileSync(join(cwd, '.edgeloop/logs'), 'a file');
    const before = azure.jobsNow();
    const { code, stdout } = await retrain(cwd);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'training-log-unwritable' } });
    expect(azure.jobsSince(before)).toEqual([]);
  });

  it('that is cancelled by somebody else tells it, and is another attempt next time', async () => {
    const cwd = project({ run: SLOW });
    const before = azure.jobsNow();
    const running = azure.run(cwd, 'retrain', 'churn', '--log-level', 'error');
    while (azure.jobsSince(before).length === 0) await new Promise((seen) => setTimeout(seen, 20));
    const [name = ''] = azure.jobsSince(before);
    azure.ml.jobs.cancel(name);
    checkError(await running, {
      exit: 1,
      code: 'training-cancelled-elsewhere',
      says: [name, /makes another attempt/],
    });
    expect(leftIn(cwd)).toEqual([]);
  });

  it('whose command fails ends with its last lines, at the line of edgeloop.yaml', async () => {
    const cwd = project({
      run: 'echo "no such column" ${{inputs.trees}} ${{inputs.train}} ${{outputs.model}}; exit 3',
    });
    const ran = await azure.run(cwd, 'retrain', 'churn', '--json', '--log-level', 'error');
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout).error).toMatchObject({
      code: 'training-failed',
      message: expect.stringMatching(/no such column/),
      places: [{ file: 'edgeloop.yaml', line: expect.any(Number) }],
    });
  });

  it('that leaves no model is refused with what it did leave', async () => {
    const cwd = project({
      run: 'echo x > ${{outputs.model}}/notes.txt; echo ${{inputs.trees}} ${{inputs.train}}',
    });
    const ran = await azure.run(cwd, 'retrain', 'churn', '--log-level', 'error');
    checkError(ran, {
      exit: 1,
      code: 'training-without-model',
      says: [/left no model.onnx in its output "model"/],
    });
    expect(leftIn(cwd)).toEqual([]);
  });

  it('comes to its end through a storm of 429 and a request that is cut', async () => {
    heal();
    const busy = {
      status: 429,
      headers: { 'retry-after': '1' },
      body: { error: { code: 'TooManyRequests', message: 'slow' } },
    };
    azure.ml.fault({ fault: 'answer', ...busy }, { path: /./, times: 3 });
    azure.ml.fault({ fault: 'reset', when: 'after' }, { method: 'PUT', path: /\/jobs\// });
    const before = azure.jobsNow();
    const ran = await retrain(project());
    expect({ code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 0 });
    expect(judged(ran.stdout)).toBe('first');
    expect(azure.jobsSince(before)).toHaveLength(1);
  });

  it('comes to its end when each call is answered with 500 the first time', async () => {
    // Which calls there are is what one training asks.
    const from = azure.ml.requests.length;
    expect((await retrain(project())).code).toBe(0);
    const kinds = [...new Set(azure.ml.requests.slice(from).map(kind))];
    expect(kinds.length).toBeGreaterThan(6);
    heal();
    for (const one of kinds) {
      const [method = '', path = ''] = one.split(' ');
      const pattern = new RegExp(`${path.replaceAll('NAME', '[^/?]+')}(\\?|$)`);
      azure.ml.fault(
        { fault: 'answer', status: 500, body: { error: { code: 'InternalServerError', message: 'oops' } } },
        { method, path: pattern },
      );
    }
    const since = azure.ml.requests.length;
    const before = azure.jobsNow();
    const ran = await retrain(project());
    expect({ code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 0 });
    expect(azure.jobsSince(before)).toHaveLength(1);
    const failed = azure.ml.requests.slice(since).filter(({ fault }) => fault === 'answer');
    expect(failed.length).toBeGreaterThanOrEqual(kinds.length - 2);
  }, 120_000);

  it('goes on with new tokens when they live for seconds only', async () => {
    azure.entra.livesSeconds = 2;
    onTestFinished(() => void (azure.entra.livesSeconds = 3599));
    const given = azure.entra.tokens.length;
    const ran = await retrain(project({ trees: 400 }));
    expect({ code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 0 });
    expect(azure.entra.tokens.length - given).toBeGreaterThan(4);
  }, 60_000);

  it.each([
    [
      'another subscription',
      { subscription: '99999999-2222-4333-8444-555555555555' },
      'azure-subscription-unknown',
      /az account list/,
    ],
    ['another group', { resourceGroup: 'nowhere' }, 'azure-group-unknown', /az group list/],
    ['another workspace', { workspace: 'nobody' }, 'azure-workspace-unknown', /az ml workspace list/],
  ])('of %s names the setting to correct', async (_, wrong, code, says) => {
    const cwd = project();
    const [[name = '', value = ''] = []] = Object.entries(wrong);
    edit(cwd, 'edgeloop.yaml', [new RegExp(`${name}: [^,} ]+`), `${name}: ${value}`]);
    commit(cwd, 'elsewhere');
    checkError(await azure.run(cwd, 'retrain', 'churn', '--log-level', 'error'), {
      exit: 1,
      code,
      says: [says],
    });
    expect(leftIn(cwd)).toEqual([]);
  });

  it('on a compute that is not there is blamed on that line', async () => {
    const cwd = project();
    edit(cwd, 'edgeloop.yaml', ['compute: cpu', 'compute: gpu-9']);
    commit(cwd, 'elsewhere');
    const ran = await azure.run(cwd, 'retrain', 'churn', '--json', '--log-level', 'error');
    const lines = readFileSync(join(cwd, 'edgeloop.yaml'), 'utf8').split('\n');
    expect(JSON.parse(ran.stdout).error).toMatchObject({
      code: 'azure-refused',
      places: [{ file: 'edgeloop.yaml', line: lines.findIndex((line) => line.includes('gpu-9')) + 1 }],
    });
  });

  it('and its registered models are not verified by nobody, which is told once', async () => {
    const cwd = project();
    const nobody = { ...azure.common, AZURE_FEDERATED_TOKEN_FILE: '' };
    const ran = await edgeloopWith(nobody, cwd, 'verify', 'churn', '--log-level', 'error');
    checkError(ran, { exit: 1, code: 'azure-no-identity', says: [/az login/] });
    expect(ran.stdout).toBe('');
  });

  it('without its role names the role and where to give it', async () => {
    const { role } = azure.ml.may;
    azure.ml.may.role = 'nothing';
    onTestFinished(() => void (azure.ml.may.role = role));
    const cwd = project();
    checkError(await azure.run(cwd, 'retrain', 'churn', '--log-level', 'error'), {
      exit: 1,
      code: 'azure-forbidden',
      says: [/AzureML Data Scientist/, /acme-ml/],
    });
    expect(leftIn(cwd)).toEqual([]);
  });

  it('beyond its budget is refused before anything is sent', async () => {
    const cwd = project({ train: ['maxMinutes: 20'] });
    const before = azure.ml.requests.length;
    checkError(await azure.run(cwd, 'retrain', 'churn', '--log-level', 'error'), {
      exit: 3,
      code: 'training-budget',
      says: [/20/],
    });
    const writes = azure.ml.requests.slice(before).filter(({ method }) => method !== 'GET');
    expect(writes).toEqual([]);
  });
});
