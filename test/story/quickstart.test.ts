import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PROGRAM } from '../fixtures/churn-project.ts';

const ROOT = resolve(import.meta.dirname, '../..');

const newFolder = () => realpathSync(mkdtempSync(join(tmpdir(), 'edgeloop-story-')));

/** Processes that run in a folder or below it: every process of a quickstart does. */
function processesIn(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
    } catch {
      return false;
    }
  });
}

describe('npm run quickstart', () => {
  it('prints DESIGN 8.6 and nothing else with --json, and leaves no process', () => {
    const args = ['run', '--silent', 'quickstart', '--', '--json'];
    const ran = spawnSync('npm', args, { cwd: ROOT, encoding: 'utf8' });
    expect({ code: ran.status, stderr: ran.status === 0 ? '' : ran.stderr }).toEqual({ code: 0, stderr: '' });
    const result = JSON.parse(ran.stdout);
    expect(result).toEqual({
      ok: true,
      seconds: expect.any(Number),
      workdir: expect.any(String),
      releases: [
        { version: '1.0.0', bump: 'first', reasons: ['first release'], metrics: expect.any(Object) },
        {
          version: '1.0.1',
          bump: 'patch',
          reasons: ['the training data changed'],
          metrics: expect.any(Object),
        },
      ],
      load: {
        requests: expect.any(Number),
        failed: 0,
        p50Ms: expect.any(Number),
        p99SteadyMs: expect.any(Number),
        p99SwapMs: expect.any(Number),
      },
      swapMs: expect.any(Number),
    });
    // Two measured pauses of 2.5 s alone are a thousand requests at 200 per second.
    expect(result.load.requests).toBeGreaterThan(1000);
    expect(result.releases[0].metrics.auc.candidate).toBeGreaterThan(0.9);
    expect(result.releases[1].metrics.auc.candidate).toBeGreaterThan(
      result.releases[0].metrics.auc.candidate,
    );
    expect(processesIn(result.workdir)).toEqual([]);
  });

  it('prints five commands to try next that work as printed', async () => {
    const ran = spawnSync(process.execPath, [PROGRAM, 'quickstart'], { cwd: ROOT, encoding: 'utf8' });
    expect({ code: ran.status, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
    const commands = ran.stdout.slice(ran.stdout.indexOf('Try next:')).trim().split('\n').slice(1);
    expect(commands).toHaveLength(5);
    for (const command of commands.filter((line) => !line.includes('edgeloop agent'))) {
      const tried = spawnSync('sh', ['-c', command], { cwd: ROOT, encoding: 'utf8' });
      expect({ command, code: tried.status }).toEqual({ command, code: 0 });
      expect(tried.stdout).toContain('churn');
    }
    const agent = commands.find((line) => line.includes('edgeloop agent')) ?? '';
    const child = start('sh', ['-c', agent.replace('npx', 'exec npx')]);
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

  it.each([
    ['while the first model is trained', /git repository/, 400],
    ['while the load runs', /requests per second/, 200],
    ['in the middle of the swap', /rollout: production names churn 1\.0\.1/, 100],
  ])('ends on Ctrl-C %s and leaves no process', async (_, moment, afterMs) => {
    const workdir = newFolder();
    const child = start(process.execPath, [PROGRAM, 'quickstart', '--workdir', workdir]);
    await lineOf(child, moment);
    await sleep(afterMs);
    expect(processesIn(workdir)).not.toEqual([]);
    expect(await endGroup(child, 'SIGINT')).toBe(1);
    expect(processesIn(workdir)).toEqual([]);
  });
});

/** Starts a program in a process group of its own, as a terminal does. */
function start(command: string, args: string[]): ChildProcess {
  const child = spawn(command, args, { cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => {
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
