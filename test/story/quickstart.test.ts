import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import { git, PROGRAM } from '../fixtures/churn-project.ts';
import { processesIn, processesLeftIn } from '../fixtures/processes-in.ts';

const ROOT = resolve(import.meta.dirname, '../..');

const newFolder = () => realpathSync(mkdtempSync(join(tmpdir(), 'edgeloop-story-')));

const figure = expect.any(Number);
const release = (version: string, bump: string, reason: string) => ({
  version,
  bump,
  reasons: [reason],
  metrics: expect.any(Object),
});
const swap = (version: string, by: string) => ({ version, by, swapMs: figure, p99Ms: figure });

describe('npm run quickstart', () => {
  it('prints DESIGN 8.6 and nothing else with --json, and leaves no process, also beside one that was killed', async (context) => {
    const killed = newFolder();
    const child = start(process.execPath, [PROGRAM, 'quickstart', '--workdir', killed], context);
    await lineOf(child, /requests per second/);
    child.kill('SIGKILL');
    // Nobody is left to end its agent, which serves on: it is in nobody's way.
    context.onTestFinished(() => processesIn(killed).forEach((pid) => process.kill(Number(pid), 'SIGKILL')));
    expect(processesIn(killed)).not.toEqual([]);

    const args = ['run', '--silent', 'quickstart', '--', '--json'];
    const ran = spawnSync('npm', args, { cwd: ROOT, encoding: 'utf8' });
    expect({ code: ran.status, said: ran.status === 0 ? '' : ran.stdout + ran.stderr }).toEqual({
      code: 0,
      said: '',
    });
    const result = JSON.parse(ran.stdout);
    expect(result).toEqual({
      ok: true,
      seconds: figure,
      workdir: expect.any(String),
      releases: [
        release('1.0.0', 'first', 'first release'),
        release('1.0.1', 'patch', 'the training data changed'),
        release('1.1.0', 'minor', 'param trees: 120 became 150'),
      ],
      refused: { reasons: expect.any(Array), metrics: expect.any(Object) },
      load: { requests: figure, failed: 0, p50Ms: figure, p99SteadyMs: figure, p99SwapMs: figure },
      failures: [],
      swapMs: figure,
      rollbackMs: figure,
      restartMs: figure,
      swaps: [swap('1.0.1', 'channel'), swap('1.1.0', 'channel'), swap('1.0.1', 'rollback')],
      steps: Array.from({ length: 7 }, () => ({ title: expect.any(String), seconds: figure })),
    });
    // Measured pauses of 5 s alone are a thousand requests at 200 per second.
    expect(result.load.requests).toBeGreaterThan(1000);
    const [first, second] = result.releases;
    expect(first.metrics.auc.candidate).toBeGreaterThan(0.9);
    expect(second.metrics.auc.candidate).toBeGreaterThan(first.metrics.auc.candidate);
    expect(result.refused.reasons.join()).toMatch(/worse by .*, 95 % interval \[-.*\], allowed loss/);
    expect(processesIn(result.workdir)).toEqual([]);

    const project = join(result.workdir, 'churn');
    expect(git(project, 'status', '--porcelain')).toBe('');
    for (const name of ['edgeloop', 'agent']) {
      const [line = ''] = readFileSync(join(project, `${name}.yaml`), 'utf8').split('\n');
      const [, schema = ''] = /^# yaml-language-server: \$schema=(\/\S+)$/.exec(line) ?? [];
      expect(JSON.parse(readFileSync(schema, 'utf8'))).toMatchObject({ title: `${name}.yaml` });
    }
    expect(git(project, 'tag').split('\n')).toEqual([
      ...[1, 2, 3, 4].map((sequence) => `churn#production#${sequence}`),
      ...['1.0.0', '1.0.1', '1.1.0'].map((version) => `churn@v${version}`),
    ]);
  });

  it('prints five commands to try next that work as printed', async (context) => {
    const ran = spawnSync(process.execPath, [PROGRAM, 'quickstart'], { cwd: ROOT, encoding: 'utf8' });
    expect({ code: ran.status, said: ran.status === 0 ? '' : ran.stdout + ran.stderr }).toEqual({
      code: 0,
      said: '',
    });
    const commands = ran.stdout.slice(ran.stdout.indexOf('Try next:')).trim().split('\n').slice(1);
    expect(commands).toHaveLength(5);
    for (const command of commands.filter((line) => !line.includes('edgeloop agent'))) {
      const tried = spawnSync('sh', ['-c', command], { cwd: ROOT, encoding: 'utf8' });
      expect({ command, code: tried.status }).toEqual({ command, code: 0 });
      expect(tried.stdout).toContain('churn');
    }
    const agent = commands.find((line) => line.includes('edgeloop agent')) ?? '';
    const child = start('sh', ['-c', agent.replace('npx', 'exec npx')], context);
    // It comes back with what it served, and looks at the channel afterwards.
    expect(await lineOf(child, /ready: .*/)).toBe('ready: http://127.0.0.1:8080 serves churn 1.0.1');
    // npx dies of the signal; its output closes when the agent behind it has ended too.
    await endGroup(child, 'SIGTERM');
  });

  it('exits with 1 and says why when a step cannot be done', () => {
    const ran = spawnSync(process.execPath, [PROGRAM, 'quickstart', '--json'], {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, PATH: '/nowhere' },
    });
    expect(ran.status).toBe(1);
    expect(ran.stderr).toContain('error[program-missing]: git cannot be run');
    expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: 'program-missing' } });
  });

  it('leaves no process when nobody reads what it prints any more', async () => {
    const workdir = newFolder();
    const piped = `"${process.execPath}" "${PROGRAM}" quickstart --workdir "${workdir}" | sed '/requests per second/q'`;
    const ran = spawnSync('sh', ['-c', piped], { cwd: ROOT, encoding: 'utf8' });
    expect(ran.stdout).toContain('requests per second');
    expect(await processesLeftIn(workdir, 10_000)).toEqual([]);
  });

  it.for([
    ['while the first model is trained', /git: repository/, 400],
    ['while the agent starts', /2\. A device serves it/, 50],
    ['while the load runs', /requests per second/, 200],
    ['in the middle of the swap', /rollout: production names churn 1\.0\.1/, 100],
  ] as const)('ends on Ctrl-C %s and leaves no process', interrupt);

  // At the same time: each of them waits for most of the story.
  it.concurrent.for([
    ['while another version is trained', /committed edgeloop\.yaml/, 800],
    ['while a bad delivery is judged', /committed data\/train\/churn-3\.csv/, 800],
    ['in the middle of the rollback', /6\. Back to the version before/, 50],
    ['while the killed agent comes back', /kill: SIGKILL/, 100],
  ] as const)('ends on Ctrl-C %s and leaves no process', interrupt);
});

async function interrupt(
  [, moment, afterMs]: readonly [string, RegExp, number],
  context: Pick<TestContext, 'onTestFinished'>,
): Promise<void> {
  const workdir = newFolder();
  const child = start(process.execPath, [PROGRAM, 'quickstart', '--workdir', workdir], context);
  await lineOf(child, moment);
  await sleep(afterMs);
  expect(processesIn(workdir)).not.toEqual([]);
  expect(await endGroup(child, 'SIGINT')).toBe(1);
  expect(await processesLeftIn(workdir, 3000)).toEqual([]);
  // Whatever was moved away for a moment is back.
  expect(existsSync(join(workdir, 'churn/.edgeloop/registry-away'))).toBe(false);
}

/** Starts a program in a process group of its own, as a terminal does. */
function start(command: string, args: string[], context: Pick<TestContext, 'onTestFinished'>): ChildProcess {
  const child = spawn(command, args, { cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  context.onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-Number(child.pid), 'SIGKILL');
  });
  return child;
}

function lineOf(child: ChildProcess, wanted: RegExp): Promise<string> {
  return new Promise((found, failed) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const [match] = wanted.exec(text) ?? [];
      if (match !== undefined) found(match);
    });
    child.once('close', () => failed(new Error(`ended without ${wanted}: ${text}`)));
  });
}

/** Signals the whole group, as Ctrl-C in a terminal does, and waits for the end. */
async function endGroup(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = new Promise<number | null>((found) => child.once('close', found));
  process.kill(-Number(child.pid), signal);
  return ended;
}
