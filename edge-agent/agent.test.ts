import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controlRequest } from './controller/control-client.ts';
import type { AgentSettings } from './settings.ts';
import { pushVersion, rollOut, scratch } from '../test/fixtures/model-registry.ts';
import { type RunningAgent, startAgent, startReady } from '../test/fixtures/start-agent.ts';

let root: string;
let registry: string;
let settings: AgentSettings;
let agent: RunningAgent | undefined;
let doubles: string;
let triples: string;

beforeEach(async () => {
  const folders = await scratch();
  ({ root, registry } = folders);
  settings = {
    state: folders.state,
    http: { host: '127.0.0.1', port: 0 },
    registry: `oci:${registry}`,
    channel: 'production',
    pollMs: 3_600_000,
    models: { line: { accept: '>=1.0.0' } },
    probationMs: 600_000,
  };
  doubles = await pushVersion(registry, { scale: 2 });
  triples = await pushVersion(registry, { scale: 3 });
  await rollOut(registry, { sequence: 1, version: '1.0.0', digest: doubles });
});

afterEach(async () => {
  await agent?.kill();
  agent = undefined;
  await rm(root, { recursive: true });
});

async function start(): Promise<RunningAgent> {
  agent = await startReady(settings);
  return agent;
}

const poll = () => controlRequest(settings.state, 'POST', '/poll');

/** Asks without pause until `work` has ended; returns the answers that were not right, and the versions seen. */
async function underLoad(running: RunningAgent, work: () => Promise<unknown>) {
  const factors: Record<string, number> = { '1.0.0': 2, '2.0.0': 3 };
  const seen = new Map<string, number>();
  const wrong: unknown[] = [];
  const load = { over: false };
  const client = async () => {
    for (let x = 1; !load.over || seen.size === 0; x = (x % 1000) + 1) {
      const { status, version, y, body } = await running.infer(x);
      if (status !== 200 || y !== (factors[version] ?? NaN) * x) wrong.push(body);
      seen.set(version, (seen.get(version) ?? 0) + 1);
    }
  };
  const clients = [client(), client(), client(), client()];
  await work();
  await new Promise((resolve) => setTimeout(resolve, 100));
  load.over = true;
  await Promise.all(clients);
  return { wrong, seen };
}

/** Waits until a condition holds; the test's own time limit ends it otherwise. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A process that ended and was not yet waited for is gone, too. */
async function isGone(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
  return text.slice(text.lastIndexOf(')') + 2).startsWith('Z');
}

async function childrenOf(pid: number | undefined): Promise<{ pid: number; command: string }[]> {
  const found = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const text = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    if (text.slice(text.lastIndexOf(')') + 2).split(' ')[1] !== String(pid)) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    found.push({ pid: Number(name), command });
  }
  return found;
}

const sessionHosts = async (running: RunningAgent) =>
  (await childrenOf(running.child.pid)).filter(({ command }) => command.includes('session-host'));

describe('the agent', () => {
  it('serves a version, swaps another one in under load, and rolls back', async () => {
    const running = await start();
    expect(running.version).toBe('1.0.0');
    const { wrong, seen } = await underLoad(running, async () => {
      await rollOut(registry, { sequence: 2, version: '2.0.0', digest: triples });
      expect(await poll()).toMatchObject({ models: [{ outcome: 'swapped', version: '2.0.0' }] });
    });
    expect(wrong).toEqual([]);
    expect([...seen.keys()].toSorted()).toEqual(['1.0.0', '2.0.0']);
    expect(await controlRequest(settings.state, 'GET', '/status')).toMatchObject({
      models: [
        {
          name: 'line',
          state: 'active',
          version: '2.0.0',
          digest: triples,
          previous: { version: '1.0.0', digest: doubles },
          provider: 'cpu',
          sequence: 2,
          attestation: 'missing',
        },
      ],
    });

    const rolledBack = await underLoad(running, async () => {
      expect(await controlRequest(settings.state, 'POST', '/rollback', { model: 'line' })).toMatchObject({
        from: { version: '2.0.0' },
        to: { version: '1.0.0' },
      });
    });
    expect(rolledBack.wrong).toEqual([]);
    expect((await running.infer(5)).version).toBe('1.0.0');
    expect(await poll()).toMatchObject({
      models: [{ outcome: 'refused', reason: expect.stringContaining('rolled back') }],
    });
    await expect(
      controlRequest(settings.state, 'POST', '/rollback', { model: 'line' }),
    ).rejects.toMatchObject({
      code: 'no-predecessor',
    });

    await rollOut(registry, { sequence: 3, version: '2.0.0', digest: triples });
    expect(await poll()).toMatchObject({ models: [{ outcome: 'swapped', version: '2.0.0' }] });
    await rollOut(registry, { sequence: 4, version: '1.0.0', digest: doubles });
    expect(await poll()).toMatchObject({ models: [{ outcome: 'swapped', version: '1.0.0' }] });
    expect((await running.infer(5)).y).toBe(10);
  });

  it('loses no answer when a session host is killed', async () => {
    const running = await start();
    const [host] = await sessionHosts(running);
    const { wrong } = await underLoad(running, async () => {
      process.kill(host?.pid ?? 0, 'SIGKILL');
      await until(
        async () =>
          ((await running.status()).models[0]?.restarts ?? 0) >= 0 &&
          (await sessionHosts(running)).some(({ pid }) => pid !== host?.pid),
      );
    });
    expect(wrong).toEqual([]);
  });

  it('goes back when a session host dies three times on probation, and loses no answer', async () => {
    const running = await start();
    await rollOut(registry, { sequence: 2, version: '2.0.0', digest: triples });
    const [old] = await sessionHosts(running);
    await poll();
    const { wrong } = await underLoad(running, async () => {
      while ((await running.status()).models[0]?.version === '2.0.0') {
        for (const { pid } of await sessionHosts(running)) if (pid !== old?.pid) process.kill(pid, 'SIGKILL');
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    });
    expect(wrong).toEqual([]);
    expect((await running.status()).models[0]).toMatchObject({
      version: '1.0.0',
      quarantined: [{ version: '2.0.0', digest: triples, reason: expect.stringContaining('SIGKILL') }],
    });
    expect(await running.infer(5)).toMatchObject({ version: '1.0.0', y: 10 });
  });

  it('goes on serving without its controller, and starts another one', async () => {
    const running = await start();
    const before = (await running.status()).controller.pid;
    const { wrong } = await underLoad(running, async () => {
      process.kill(before ?? 0, 'SIGKILL');
      await until(async () => {
        const now = (await running.status()).controller.pid;
        return now !== null && now !== before;
      });
    });
    expect(wrong).toEqual([]);
    await rollOut(registry, { sequence: 2, version: '2.0.0', digest: triples });
    await until(async () =>
      poll().then(
        () => true,
        () => false,
      ),
    );
    expect(await running.infer(7)).toMatchObject({ version: '2.0.0', y: 21 });
  });

  it('comes back with its version and its predecessor after a kill, without the registry', async () => {
    const first = await start();
    await rollOut(registry, { sequence: 2, version: '2.0.0', digest: triples });
    await poll();
    const children = await childrenOf(first.child.pid);
    await first.kill();
    await rename(registry, `${registry}-away`);
    const second = await start();
    expect(await second.infer(7)).toMatchObject({ version: '2.0.0', y: 21 });
    await until(async () => (await sessionHosts(second)).length === 2);
    expect(await poll()).toMatchObject({ models: [{ outcome: 'failed' }] });
    expect(await controlRequest(settings.state, 'POST', '/rollback', { model: 'line' })).toMatchObject({
      to: { version: '1.0.0' },
    });
    expect((await second.infer(7)).y).toBe(14);
    for (const { pid } of children) await until(() => isGone(pid));
  });

  it('ends in order and leaves no process behind', async () => {
    const running = await start();
    const children = await childrenOf(running.child.pid);
    expect(children).toHaveLength(2);
    expect(await running.stop()).toBe(0);
    for (const { pid } of children) await until(() => isGone(pid));
    await expect(poll()).rejects.toMatchObject({ code: 'agent-not-running', exitCode: 1 });
  });

  it('has a control socket for its owner alone, and a state folder for one agent alone', async () => {
    const running = await start();
    expect((await stat(join(settings.state, 'control.sock'))).mode & 0o777).toBe(0o600);
    const second = await startAgent(settings);
    expect(second).toMatchObject({ exitCode: 2, failed: expect.stringContaining('"state-in-use"') });
    expect((await running.infer(1)).status).toBe(200);
  });

  it('says what is wrong when its port is taken or its registry unknown', async () => {
    const running = await start();
    const port = Number(new URL(running.url).port);
    await writeFile(join(root, 'file'), '');
    const other = { ...settings, state: join(root, 'other') };
    expect(await startAgent({ ...other, http: { host: '127.0.0.1', port } })).toMatchObject({
      exitCode: 2,
      failed: expect.stringContaining(`port ${port} on 127.0.0.1 is in use`),
    });
    expect(await startAgent({ ...other, registry: 'models' })).toMatchObject({
      exitCode: 2,
      failed: expect.stringContaining('"registry-unsupported"'),
    });
    for (const state of [join(root, 'file', 'state'), '/proc/edgeloop/state']) {
      expect(await startAgent({ ...other, state })).toMatchObject({
        exitCode: 1,
        failed: expect.stringContaining('"state-not-writable"'),
      });
    }
  });
});
