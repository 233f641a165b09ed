import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { runPost, runStep, startStep, type StartedStep, type Step } from '../fixtures/action-runner.ts';
import { churnProject, commit } from '../fixtures/churn-project.ts';
import { edit, leftIn, processesLeft, processesWith, trainWith } from '../fixtures/expect-error.ts';

const churn = { model: 'churn' };
const training = `console.log('under way'); setInterval(() => {}, 1000);`;

let count = 0;
/** A project whose training never ends, and words that are in the command lines of its processes only. */
function endless(script: string): { cwd: string; words: string } {
  const cwd = churnProject();
  const words = `edgeloop-endless-${process.pid}-${count++}`;
  trainWith(cwd, `exec node -e "${script}" ${words}`);
  return { cwd, words };
}

async function underWay({ stdout, child }: StartedStep): Promise<void> {
  while (!stdout().includes('under way')) {
    if (child.exitCode !== null) throw new Error(`it has ended: ${stdout()}`);
    await sleep(10);
  }
}

/** As GitHub's runner cancels a step: SIGINT, SIGTERM after 7.5 s, SIGKILL 2.5 s later, unless it has ended. */
async function cancel({ child, ended }: StartedStep): Promise<{ step: Step; last: string }> {
  let step: Step | undefined;
  void ended.then((result) => (step = result));
  for (const [signal, ms] of [
    ['SIGINT', 7500],
    ['SIGTERM', 2500],
    ['SIGKILL', 60_000],
  ] as const) {
    child.kill(signal);
    await Promise.race([ended, sleep(ms)]);
    if (step !== undefined) return { step, last: signal };
  }
  throw new Error('it does not end');
}

describe('a retraining that is cancelled', () => {
  it('ends its training when it is asked to, and keeps nothing', async () => {
    const { cwd, words } = endless(training);
    const started = startStep('retrain', { cwd, with: churn });
    await underWay(started);
    expect(processesWith(words).length).toBeGreaterThan(0);
    const { step, last } = await cancel(started);
    expect({ code: step.code, last }).toEqual({ code: 1, last: 'SIGINT' });
    expect(step.commands.at(-1)).toMatchObject({
      command: 'error',
      message: expect.stringMatching(/^the training of churn was cancelled\n/),
    });
    expect(await processesLeft(words)).toEqual([]);
    expect(leftIn(cwd)).toEqual([]);
    const post = await runPost('retrain', { cwd, with: churn }, step);
    expect({ code: post.code, stdout: post.stdout }).toEqual({ code: 0, stdout: '' });
  });

  it('ends a training that ignores being asked, before the runner kills the step', async () => {
    const { cwd, words } = endless(
      `for (const s of ['SIGINT', 'SIGTERM']) process.on(s, () => {}); ${training}`,
    );
    const started = startStep('retrain', { cwd, with: churn });
    await underWay(started);
    const { step, last } = await cancel(started);
    expect({ code: step.code, last }).toEqual({ code: 1, last: 'SIGINT' });
    expect(await processesLeft(words)).toEqual([]);
    expect(leftIn(cwd)).toEqual([]);
  });

  it('and killed at once leaves no training, and the next run trains', async () => {
    const { cwd, words } = endless(training);
    const started = startStep('retrain', { cwd, with: churn });
    await underWay(started);
    started.child.kill('SIGKILL');
    const step = await started.ended;
    expect((await runPost('retrain', { cwd, with: churn }, step)).code).toBe(0);
    expect(await processesLeft(words)).toEqual([]);
    edit(cwd, 'edgeloop.yaml', [
      /run: .*/,
      'run: node training/train.ts --data ${{inputs.train}} --out ${{outputs.model}} --trees ${{inputs.trees}}',
    ]);
    commit(cwd, 'a training that ends');
    expect((await runStep('retrain', { cwd, with: churn })).outputs['outcome']).toBe('first');
  });

  it('has its training ended by its post when nothing else is left to do it', async () => {
    const { cwd, words } = endless(training);
    const started = startStep('retrain', { cwd, with: churn });
    await underWay(started);
    const leader = Number(/^training<<\S+\n(\d+)-/m.exec(started.state())?.[1]);
    expect(leader).toBeGreaterThan(1);
    // What ends a training when its step dies is a process of its group that reads from a pipe; it dies first.
    const listed = execFileSync('ps', ['-A', '-o', 'pid=,pgid=,args='], { encoding: 'utf8' });
    const watchers = listed.split('\n').flatMap((line) => {
      const [, pid, group, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return Number(group) === leader && args.includes('read -r _') ? [Number(pid)] : [];
    });
    expect(watchers.length).toBeGreaterThan(0);
    for (const pid of watchers.filter((one) => one !== leader)) process.kill(pid, 'SIGKILL');
    started.child.kill('SIGKILL');
    const step = await started.ended;
    await sleep(200);
    expect(processesWith(words).length).toBeGreaterThan(0);
    const post = await runPost('retrain', { cwd, with: churn }, step);
    expect(post.commands).toEqual([
      { command: 'warning', properties: '', message: expect.stringContaining(`process ${leader}`) },
    ]);
    expect(await processesLeft(words)).toEqual([]);
  });
});
