import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openReference, packModel, parseReference, pullModel, pushModel } from '../../src/oci/index.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { edgeloopAsync, PROGRAM } from '../fixtures/churn-project.ts';
import { checkError } from '../fixtures/expect-error.ts';
import { scratchFolder, writeFiles } from '../fixtures/oci-layout.ts';
import { available, type RegistryKind, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';
import { smallDisk } from './small-disk.ts';

const MB = 1_000_000;
const SIZE = 24 * MB;
/** What may travel in all for a model of that size, however often a pull is interrupted. */
const BUDGET = 1.02 * SIZE;
const POINTS = [0.1, 0.5, 0.9];
const KINDS: RegistryKind[] = ['docker-registry', 'distribution', 'ociregistry'];
const BLOBS = { method: 'GET', path: /\/blobs\// };

interface Scene extends AsyncDisposable {
  registry: RunningRegistry;
  /** The line to the registry. */
  proxy: FaultProxy;
  folder: string;
  ref: string;
  digest: string;
  weights: Buffer;
}

/** A model of 24 MB in a registry behind a line that can be made bad. */
async function scene(kind: RegistryKind): Promise<Scene> {
  const registry = await startRegistry(kind);
  const proxy = await startFaultProxy(registry.url);
  const scratch = await scratchFolder();
  const weights = randomBytes(SIZE);
  const model = await writeFiles(join(scratch.path, 'model'), { 'README.md': 'weights' });
  await writeFile(join(model, 'weights.bin'), weights);
  const direct = openReference(parseReference(`${registry.host}/line`));
  const { digest } = await pushModel(direct, await packModel(model, { model: 'line' }));
  return {
    registry,
    proxy,
    folder: scratch.path,
    ref: `${proxy.host}/line@${digest}`,
    digest,
    weights,
    async [Symbol.asyncDispose]() {
      await proxy.stop();
      await registry.stop();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

const pull = (at: Scene, target = 'copy') => edgeloopAsync(at.folder, 'pull', at.ref, target, '--json');

async function expectWhole(at: Scene, target = 'copy'): Promise<void> {
  const copied = await readFile(join(at.folder, target, 'weights.bin'));
  expect(copied.equals(at.weights)).toBe(true);
}

/** Starts a pull and kills it when so many bytes have gone through the line. */
async function killedAt(at: Scene, bytes: number): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, 'pull', at.ref, 'copy'], {
    cwd: at.folder,
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  while (at.proxy.bytes(BLOBS).answer < bytes && child.exitCode === null) await sleep(2);
  child.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
}

describe.each(KINDS)('a pull from %s', (kind) => {
  const isMissing = !available(kind);

  it.skipIf(isMissing).each(POINTS)('whose connection is cut at %d goes on there', async (point) => {
    await using at = await scene(kind);
    at.proxy.fault({ fault: 'drop', of: 'answer', afterBytes: point * SIZE }, { ...BLOBS, nth: 1, times: 2 });
    expect(await pull(at)).toMatchObject({ code: 0 });
    await expectWhole(at);
    expect(at.proxy.requests.flatMap((seen) => seen.faults)).toContain('drop');
    expect(at.proxy.bytes(BLOBS).answer).toBeLessThanOrEqual(BUDGET);
  });

  it.skipIf(isMissing)('whose connection is cut again and again ends all the same', async () => {
    await using at = await scene(kind);
    const cut = { fault: 'drop', of: 'answer', afterBytes: SIZE / 10 } as const;
    at.proxy.fault(cut, { ...BLOBS, times: Number.POSITIVE_INFINITY });
    expect(await pull(at)).toMatchObject({ code: 0 });
    await expectWhole(at);
    expect(at.proxy.bytes(BLOBS).answer).toBeLessThanOrEqual(BUDGET);
  });

  it.skipIf(isMissing).each(POINTS)(
    'that is killed at %d goes on there in the next process',
    async (point) => {
      await using at = await scene(kind);
      const slow = { fault: 'slow', of: 'answer', bytesPerSecond: 8 * MB } as const;
      at.proxy.fault(slow, { ...BLOBS, times: Number.POSITIVE_INFINITY });
      await killedAt(at, point * SIZE);
      expect(await readdir(at.folder)).not.toContain('copy');
      at.proxy.heal();
      const { code, stdout } = await pull(at);
      expect(code).toBe(0);
      expect(JSON.parse(stdout).transferred).toBeLessThan((1.02 - point) * SIZE);
      await expectWhole(at);
      expect(at.proxy.bytes(BLOBS).answer).toBeLessThanOrEqual(BUDGET);
      expect((await readdir(at.folder)).toSorted()).toEqual(['copy', 'model']);
    },
  );

  it.skipIf(isMissing)('of two processes at once fetches everything once', async () => {
    await using at = await scene(kind);
    const both = await Promise.all([pull(at), pull(at)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    await expectWhole(at);
    expect(at.proxy.bytes(BLOBS).answer).toBeLessThanOrEqual(BUDGET);
    expect((await readdir(at.folder)).toSorted()).toEqual(['copy', 'model']);
  });

  it.skipIf(isMissing)('fetches a layer anew when a bit was turned over on the line', async () => {
    await using at = await scene(kind);
    at.proxy.fault({ fault: 'flip-bit', atByte: SIZE / 2 }, { ...BLOBS, times: 2 });
    expect(await pull(at)).toMatchObject({ code: 0 });
    await expectWhole(at);
    expect(at.proxy.requests.flatMap((seen) => seen.faults)).toContain('flip-bit');
  });

  it.skipIf(isMissing)('gives up when the bit is turned over each time, and keeps nothing', async () => {
    await using at = await scene(kind);
    at.proxy.fault({ fault: 'flip-bit', atByte: SIZE / 2 }, { ...BLOBS, times: Number.POSITIVE_INFINITY });
    checkError(await edgeloopAsync(at.folder, 'pull', at.ref, 'copy'), {
      exit: 1,
      code: 'digest-mismatch',
      says: [/blob sha256:\w{64} of 127\.0\.0\.1:\d+\/line is damaged/],
    });
    expect(await readdir(at.folder)).toEqual(['model']);
  });
});

const isRoot = process.getuid?.() === 0;

describe.skipIf(!available('docker-registry'))('a pull', () => {
  it('that is cancelled says so, and the next one goes on', async () => {
    await using at = await scene('docker-registry');
    at.proxy.fault({ fault: 'slow', of: 'answer', bytesPerSecond: 8 * MB }, { ...BLOBS, times: 2 });
    const child = spawn(process.execPath, [PROGRAM, 'pull', at.ref, 'copy'], { cwd: at.folder });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const ended = once(child, 'exit');
    while (at.proxy.bytes(BLOBS).answer < SIZE / 2) await sleep(2);
    child.kill('SIGINT');
    expect(await ended).toEqual([1, null]);
    expect(stderr).toMatch(/^error\[cancelled\]: cancelled\n {2}Run the same command again; it goes on/);
    at.proxy.heal();
    expect(await pull(at)).toMatchObject({ code: 0 });
    await expectWhole(at);
    expect(at.proxy.bytes(BLOBS).answer).toBeLessThanOrEqual(BUDGET);
  });

  it.skipIf(!isRoot)(
    'onto a disk that runs full leaves what is there, and goes on when there is room',
    async () => {
      await using at = await scene('docker-registry');
      const disk = smallDisk(join(at.folder, 'disk'), '64m');
      try {
        await writeFiles(join(disk.folder, 'earlier'), { 'weights.bin': 'earlier version' });
        at.proxy.fault({ fault: 'slow', of: 'answer', bytesPerSecond: 4 * MB }, { ...BLOBS, times: 2 });
        const pulled = edgeloopAsync(at.folder, 'pull', at.ref, 'disk/copy');
        while (at.proxy.bytes(BLOBS).answer < SIZE / 2) await sleep(2);
        disk.fill();
        checkError(await pulled, { exit: 1, code: 'disk-full', says: [/no room left to write .*copy/] });
        at.proxy.heal();
        // Now it is told before anything moves.
        const before = at.proxy.bytes(BLOBS).answer;
        checkError(await edgeloopAsync(at.folder, 'pull', at.ref, 'disk/copy'), {
          exit: 1,
          code: 'disk-full',
          says: [/needs \d+ bytes more, and there is room for \d+/],
        });
        expect(at.proxy.bytes(BLOBS).answer).toBe(before);
        expect(await readFile(join(disk.folder, 'earlier/weights.bin'), 'utf8')).toBe('earlier version');
        expect(await readdir(disk.folder)).not.toContain('copy');
        disk.free();
        expect(await pull(at, 'disk/copy')).toMatchObject({ code: 0 });
        await expectWhole(at, 'disk/copy');
        expect(at.proxy.bytes(BLOBS).answer).toBeLessThanOrEqual(BUDGET);
      } finally {
        disk.unmount();
      }
    },
  );

  it('of what was damaged in the registry keeps nothing, and leaves an earlier version alone', async () => {
    await using at = await scene('docker-registry');
    await writeFiles(join(at.folder, 'earlier'), { 'weights.bin': 'earlier version' });
    const blobs = join(at.registry.storage, 'docker/registry/v2/blobs');
    const names = (await readdir(blobs, { recursive: true })).filter((name) => name.endsWith('data'));
    for (const name of names) {
      const bytes = await readFile(join(blobs, name));
      if (bytes.length <= SIZE) continue;
      bytes.writeUInt8(bytes.readUInt8(SIZE / 2) ^ 1, SIZE / 2);
      await writeFile(join(blobs, name), bytes);
    }
    const direct = openReference(parseReference(`${at.registry.host}/line`));
    await expect(pullModel(direct, at.digest, join(at.folder, 'copy'))).rejects.toMatchObject({
      code: 'digest-mismatch',
    });
    expect((await readdir(at.folder)).toSorted()).toEqual(['earlier', 'model']);
  });
});
