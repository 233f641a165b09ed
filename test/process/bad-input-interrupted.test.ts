import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  churnProject,
  commit,
  edgeloop,
  git,
  type Ran,
  secondPartArrives,
} from '../fixtures/churn-project.ts';
import {
  checkError,
  processesLeft,
  leftIn,
  unfinishedIn,
  registryTags,
  trainWith,
} from '../fixtures/expect-error.ts';
import { interrupt, type Moment } from '../fixtures/interrupt.ts';

const SIGNALS = ['SIGINT', 'SIGKILL'] as const;
type Signal = (typeof SIGNALS)[number];
const plan = ['plan'];
const retrain = ['retrain', 'churn'];
const release = ['release', 'churn'];
const rollout = ['rollout', 'churn@1.0.0', '--channel', 'production'];
const rollback = ['rollback', 'churn', '--channel', 'production', '--to', '1.0.0'];
const verify = ['verify'];
const status = ['status'];

function succeed(project: string, args: string[]) {
  const { code, stdout, stderr } = edgeloop(project, ...args, '--json');
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

function copyOf(base: string): string {
  const copy = join(mkdtempSync(join(tmpdir(), 'edgeloop-project-')), 'churn');
  cpSync(base, copy, { recursive: true });
  return copy;
}

async function expectGone(pids: number[]): Promise<void> {
  const alive = () => pids.filter((pid) => isAlive(pid));
  for (let tries = 0; tries < 100 && alive().length > 0; tries++) await sleep(30);
  expect(alive()).toEqual([]);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** SIGINT is answered with one error and exit code 1; SIGKILL leaves no time for words. */
function checkAnswer(ran: Ran, signal: Signal): void {
  if (signal === 'SIGINT') checkError(ran, { exit: 1, code: 'cancelled', says: ['cancelled', /again/] });
  const code = signal === 'SIGINT' ? 1 : null;
  expect(ran.code).toBe(code);
}

describe('retrain, interrupted', () => {
  let project: string;
  beforeEach(() => {
    project = churnProject();
  });

  it.each(SIGNALS)('by %s while the trainer runs: it ends too, and the next one succeeds', async (signal) => {
    const mark = `sleep 1000.${process.pid}${SIGNALS.indexOf(signal)}`;
    const train = 'node training/train.ts --data ${{inputs.train}} --out ${{outputs.model}} --trees 5';
    // One child ignores what asks it to end, as a trainer that saves its work might.
    trainWith(
      project,
      `if [ -e ${join(project, 'hold')} ]; then (trap '' INT TERM; ${mark}) & echo holding; ${mark}; fi; ${train}`,
    );
    writeFileSync(join(project, 'hold'), '');
    const ran = await interrupt(project, retrain, { printed: 'holding' }, signal);
    checkAnswer(ran, signal);
    expect(await processesLeft(mark)).toEqual([]);
    expect(registryTags(project)).toEqual([]);
    expect(signal === 'SIGINT' ? leftIn(project) : []).toEqual([]);
    rmSync(join(project, 'hold'));
    expect(succeed(project, retrain)).toMatchObject({ reused: false });
    expect(unfinishedIn(project)).toEqual([]);
  });

  const whileItEvaluates = async (signal: Signal) => {
    // Enough rows to be in the middle of them.
    const [header = '', ...rows] = readFileSync(join(project, 'data/holdout.csv'), 'utf8')
      .trimEnd()
      .split('\n');
    const many = Array.from({ length: 12 }, () => rows).flat();
    writeFileSync(join(project, 'data/holdout.csv'), `${[header, ...many].join('\n')}\n`);
    commit(project, 'a long holdout');
    const ran = await interrupt(project, retrain, { started: 'session-host' }, signal);
    checkAnswer(ran, signal);
    await expectGone(ran.children);
    expect(registryTags(project)).toEqual([]);
    expect(signal === 'SIGINT' ? leftIn(project) : []).toEqual([]);
    return { next: succeed(project, retrain), unfinished: unfinishedIn(project) };
  };
  const afterwards = { next: { reused: false, verdict: { outcome: 'first' } }, unfinished: [] };
  it('by SIGKILL while it evaluates: no session host is left, and the next one succeeds', async () => {
    expect(await whileItEvaluates('SIGKILL')).toMatchObject(afterwards);
  });
  it('by SIGINT while it evaluates: the same', async () => {
    expect(await whileItEvaluates('SIGINT')).toMatchObject(afterwards);
  });
});

describe('plan, release, rollout, rollback, verify and status, interrupted', () => {
  const bases = new Map<string[], string>();
  beforeAll(() => {
    const trained = churnProject();
    succeed(trained, retrain);
    const released = copyOf(trained);
    succeed(released, release);
    for (const verb of [plan, release]) bases.set(verb, trained);
    for (const verb of [rollout, verify, status]) bases.set(verb, released);
    const rolledOut = copyOf(released);
    succeed(rolledOut, rollout);
    secondPartArrives(rolledOut);
    succeed(rolledOut, retrain);
    succeed(rolledOut, release);
    succeed(rolledOut, ['rollout', 'churn@1.0.1', '--channel', 'production']);
    bases.set(rollback, rolledOut);
  }, 60_000);

  const both = ['churn#production#1', 'churn#production#2', 'churn@v1.0.0', 'churn@v1.0.1'];
  // Each step in its order, and the tags that a cut there leaves: the next one finishes what was begun.
  const steps: [string, string[], Moment, string[]][] = [
    ['plan', plan, { git: 'after rev-parse' }, []],
    ['release before its commit', release, { git: 'before commit-tree' }, []],
    ['release before its tag', release, { git: 'before update-ref' }, []],
    ['release after its tag', release, { git: 'after update-ref' }, ['churn@v1.0.0']],
    ['rollout before its tag', rollout, { git: 'before update-ref' }, ['churn@v1.0.0']],
    ['rollout after its tag', rollout, { git: 'after update-ref' }, ['churn#production#1', 'churn@v1.0.0']],
    ['rollback before its tag', rollback, { git: 'before update-ref' }, both],
    [
      'rollback after its tag',
      rollback,
      { git: 'after update-ref' },
      [...both, 'churn#production#3'].toSorted(),
    ],
    ['verify', verify, { git: 'after for-each-ref' }, ['churn@v1.0.0']],
    ['status', status, { git: 'after for-each-ref' }, ['churn@v1.0.0']],
  ];
  const cut = async (signal: Signal, ...[, verb, moment, tags]: (typeof steps)[number]) => {
    const project = copyOf(bases.get(verb) ?? '');
    const registry = registryTags(project);
    checkAnswer(await interrupt(project, verb, moment, signal), signal);
    expect(git(project, 'tag').split('\n').filter(Boolean)).toEqual(tags);
    expect(registryTags(project)).toEqual(registry);
    const done = succeed(project, verb);
    expect(succeed(project, verb)).toMatchObject(verb === release ? { version: '1.0.0' } : done);
    return { verified: succeed(project, ['verify']).ok, unfinished: unfinishedIn(project) };
  };
  const afterwards = { verified: true, unfinished: [] };
  it.each(steps)('%s, by SIGKILL: the next one succeeds', async (...step) => {
    expect(await cut('SIGKILL', ...step)).toEqual(afterwards);
  });
  it.each(steps)('%s, by SIGINT: the next one succeeds', async (...step) => {
    expect(await cut('SIGINT', ...step)).toEqual(afterwards);
  });
});
