import { cp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { controlRequest } from '../../edge-agent/controller/control-client.ts';
import type { AgentSettings } from '../../edge-agent/settings.ts';
import { pushVersion, rollOut, scratch } from '../fixtures/model-registry.ts';
import { bytesField, linearModel } from '../fixtures/onnx-model.ts';
import { type RunningAgent, startAgent, startReady } from '../fixtures/start-agent.ts';
import { type SmallDisk, smallDisk } from './small-disk.ts';

/** More than a disk of 2 MB holds: a description that nobody reads. */
const LARGE = Buffer.concat([linearModel({ scale: 3, bias: 0 }), bytesField(6, 'x'.repeat(3_000_000))]);

let root: string;
let registry: string;
let settings: AgentSettings;
let agent: RunningAgent;
let doubles: string;
let triples: string;
let sequence: number;

async function prepare(): Promise<void> {
  const folders = await scratch();
  ({ root, registry } = folders);
  settings = {
    state: folders.state,
    http: { host: '127.0.0.1', port: 0 },
    registry: `oci:${registry}`,
    channel: 'production',
    pollMs: 3_600_000,
    models: { line: {} },
    probationMs: 600_000,
  };
  doubles = await pushVersion(registry, { scale: 2 });
  triples = await pushVersion(registry, { scale: 3, model: LARGE });
  sequence = 0;
  await name('1.0.0', doubles);
}

/** The channel names a version from now on. */
async function name(version: string, digest: string): Promise<void> {
  sequence += 1;
  await rollOut(registry, { sequence, version, digest });
}

const poll = () => controlRequest(settings.state, 'POST', '/poll');
const outcome = (expected: object) => ({ models: [expect.objectContaining(expected)] });

/** It answers as this version, and says so. */
async function expectServing(version: string, factor: number): Promise<void> {
  for (const x of [1, 2, 3])
    expect(await agent.infer(x)).toMatchObject({ status: 200, version, y: factor * x });
  // Both views are the same, unless something happened between the two questions: then they are asked again.
  for (;;) {
    const before = await controlRequest(settings.state, 'GET', '/status');
    const [reported] = (await agent.status()).models;
    const after = await controlRequest(settings.state, 'GET', '/status');
    if (!isDeepStrictEqual(before, after)) continue;
    expect(reported).toMatchObject({ version });
    expect(after).toEqual({ models: [reported] });
    return;
  }
}

async function lastError(): Promise<string> {
  return (await agent.status()).models[0]?.lastError ?? '';
}

describe('a second agent', () => {
  beforeAll(async () => {
    await prepare();
    agent = await startReady(settings);
  });
  afterAll(async () => {
    await agent?.kill();
    await rm(root, { recursive: true });
  });

  it('is told that the port is in use, and writes nothing', async () => {
    const port = Number(new URL(agent.url).port);
    const state = join(root, 'other');
    expect(await startAgent({ ...settings, state, http: { host: '127.0.0.1', port } })).toMatchObject({
      exitCode: 2,
      failed: expect.stringContaining(`"code":"port-in-use","message":"port ${port} on 127.0.0.1 is in use`),
    });
    expect(existsSync(state)).toBe(false);
    await expectServing('1.0.0', 2);
  });

  it('is told who uses the state folder, and changes nothing there', async () => {
    const contents = async () => [
      (await readdir(settings.state)).toSorted(),
      await readFile(join(settings.state, 'journal.jsonl'), 'utf8'),
      await readFile(join(settings.state, 'agent.lock'), 'utf8'),
    ];
    const before = await contents();
    expect(await startAgent(settings)).toEqual({
      exitCode: 2,
      failed: JSON.stringify({
        code: 'state-in-use',
        message: `the state folder ${settings.state} is used by another agent (process ${agent.child.pid})`,
      }),
    });
    expect(await contents()).toEqual(before);
    await expectServing('1.0.0', 2);
  });
});

const flip = async (file: string) => {
  const bytes = await readFile(file);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  await rm(file);
  await writeFile(file, bytes);
};
const DAMAGES: Record<string, (file: string) => Promise<void>> = {
  'with a flipped bit': flip,
  missing: (file) => rm(file),
  empty: (file) => writeFile(file, ''),
};

/** Names 2.0.0 on the channel, and tells what every file there is. */
async function filesByMeaning(): Promise<[string, string][]> {
  await name('2.0.0', triples);
  const blob = (digest: string) => join(registry, 'line', 'blobs', 'sha256', digest.slice('sha256:'.length));
  const index = JSON.parse(await readFile(join(registry, 'line', 'index.json'), 'utf8'));
  const channel = index.manifests.find(
    (each: { annotations?: Record<string, string> }) =>
      each.annotations?.['org.opencontainers.image.ref.name'] === 'channel-production',
  ).digest;
  const document = JSON.parse(await readFile(blob(channel), 'utf8')).layers[0].digest;
  const { layers } = JSON.parse(await readFile(blob(triples), 'utf8'));
  return [
    ['index.json', join(registry, 'line', 'index.json')],
    ["the channel's manifest", blob(channel)],
    ['the channel document', blob(document)],
    ["the version's manifest", blob(triples)],
    ...layers.map(({ digest }: { digest: string }, layer: number) => [`layer ${layer}`, blob(digest)]),
  ];
}

describe('a registry folder that is damaged while the agent runs', () => {
  beforeAll(async () => {
    await prepare();
    agent = await startReady(settings);
  });
  afterAll(async () => {
    await agent?.kill();
    await rm(root, { recursive: true });
  });

  it.each(Object.keys(DAMAGES))(
    'goes on serving with each of its files %s, says so, and follows when it is mended',
    async (damage) => {
      const names = (await filesByMeaning()).map(([meaning]) => meaning);
      expect(names).toEqual([
        'index.json',
        "the channel's manifest",
        'the channel document',
        "the version's manifest",
        'layer 0',
        'layer 1',
        'layer 2',
      ]);
      for (const meaning of names) {
        const file = new Map(await filesByMeaning()).get(meaning) ?? '';
        await cp(file, join(root, 'copy'));
        await DAMAGES[damage]?.(file);
        const polled = JSON.stringify(await poll());
        expect(polled, `${meaning} ${damage}`).toMatch(/"outcome":"(failed|quarantined)"/);
        expect((await lastError()).length, `${meaning} ${damage}`).toBeGreaterThan(0);
        await expectServing('1.0.0', 2);

        await rm(file, { force: true });
        await rename(join(root, 'copy'), file);
        await name('2.0.0', triples);
        expect(await poll(), `${meaning} mended`).toEqual(outcome({ outcome: 'swapped', version: '2.0.0' }));
        // So that it is fetched again the next time: rolled back, and its files removed.
        await controlRequest(settings.state, 'POST', '/rollback', { model: 'line' });
        expect(await poll()).toEqual(outcome({ outcome: 'refused', version: '2.0.0' }));
        await expectServing('1.0.0', 2);
      }
    },
  );
});

/** The last block of a journal has room for a few records yet; resolves with the poll that found none. */
async function pollUntilFull(version: string, digest: string): Promise<unknown> {
  for (;;) {
    await name(version, digest);
    const polled = await poll();
    if (!JSON.stringify(polled).includes('up-to-date')) return polled;
  }
}

async function reportedState(): Promise<string | undefined> {
  return (await agent.status()).models[0]?.state;
}

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('SKIPPED: full and read-only disks need root, which mounts a tmpfs of 2 MB');

describe.skipIf(!isRoot)('a state folder on a disk of 2 MB', () => {
  let disk: SmallDisk;

  beforeEach(async () => {
    await prepare();
    disk = smallDisk(join(root, 'disk'), '2m');
    settings.state = join(disk.folder, 'state');
    agent = await startReady(settings);
  });
  afterEach(async () => {
    try {
      await agent?.kill();
    } finally {
      disk?.unmount();
      await rm(root, { recursive: true });
    }
  });

  it('has no room for a version: the agent says so, keeps nothing of it, and swaps when there is room', async () => {
    await name('2.0.0', triples);
    expect(await poll()).toEqual(
      outcome({ outcome: 'failed', reason: expect.stringContaining('no room left') }),
    );
    expect(await lastError()).toContain('no room left');
    await expectServing('1.0.0', 2);
    const kept = await readdir(join(settings.state, 'models', 'line'));
    expect(kept).toEqual([doubles.slice('sha256:'.length)]);

    disk.resize('16m');
    expect(await poll()).toEqual(outcome({ outcome: 'swapped', version: '2.0.0' }));
    await expectServing('2.0.0', 3);
  });

  it('has no room for a record: nothing is done that is not written down, and all of it when there is room', async () => {
    disk.resize('16m');
    await name('2.0.0', triples);
    await poll();
    disk.fill();
    const polled = await pollUntilFull('2.0.0', triples);
    expect(polled).toEqual(
      outcome({ outcome: 'failed', reason: expect.stringContaining('cannot write the journal') }),
    );
    await expect(
      controlRequest(settings.state, 'POST', '/rollback', { model: 'line' }),
    ).rejects.toMatchObject({ code: 'journal-not-writable', exitCode: 1 });
    expect(await lastError()).toContain('cannot write the journal');
    await expectServing('2.0.0', 3);

    disk.free();
    expect(await poll()).toEqual(outcome({ outcome: 'up-to-date', version: '2.0.0' }));
    expect(await controlRequest(settings.state, 'POST', '/rollback', { model: 'line' })).toMatchObject({
      to: { version: '1.0.0' },
    });
    await expectServing('1.0.0', 2);
  });

  it('is full when the power comes back: it serves what it served, and follows when there is room', async () => {
    disk.fill();
    await pollUntilFull('1.0.0', doubles);
    await agent.kill();
    settings.probationMs = 100;
    agent = await startReady(settings);
    await expectServing('1.0.0', 2);
    expect(await reportedState()).toBe('active');
    await name('2.0.0', triples);
    expect(await poll()).toEqual(outcome({ outcome: 'failed' }));
    await expectServing('1.0.0', 2);

    disk.free();
    disk.resize('16m');
    // What could not be written down before.
    while ((await reportedState()) !== 'committed') await sleep(50);
    expect(await poll()).toEqual(outcome({ outcome: 'swapped', version: '2.0.0' }));
    await agent.kill();
    agent = await startReady(settings);
    await expectServing('2.0.0', 3);
  });

  it('is read-only from the start: the agent does not start, and says why', async () => {
    await agent.kill();
    await disk.makeReadOnly();
    for (const state of [settings.state, join(disk.folder, 'new')]) {
      expect(await startAgent({ ...settings, state })).toMatchObject({
        exitCode: 1,
        failed: expect.stringContaining(`"code":"state-not-writable"`),
      });
    }
  });
});
