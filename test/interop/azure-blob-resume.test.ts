// Downloads from Blob Storage that are killed, cut, changed on the way, or have no room: what came is not fetched again,
// and two versions of a blob are never mixed.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import type { ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseBlobAddress } from '../../src/azure/blob-address.ts';
import { type BlobDataOptions, openBlobData } from '../../src/azure/blob-data.ts';
import { describeRemote, downloadRemote } from '../../src/dataset/index.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { smallDisk } from '../faults/small-disk.ts';
import { type Azurite, azuriteAvailable, startAzurite } from '../fixtures/azurite.ts';
import { BLOB_READ } from '../fixtures/blob-project.ts';
import { childProgram } from '../fixtures/child-process.ts';
import { scratchFolder } from '../fixtures/oci-layout.ts';

const MB = 1_000_000;
const ALL = { ...BLOB_READ, times: Infinity };
const DOWNLOADER = fileURLToPath(new URL('../fixtures/blob-downloader.ts', import.meta.url));
/** What a killed process had not written, and what was on its way to it. */
const BUDGET = 1.02;
/** Bytes of a large blob that are fetched in one go. */
const PART = 16 * 1024 * 1024;

describe.skipIf(!azuriteAvailable())('a download from Azure Blob Storage', () => {
  let azurite: Azurite;
  let proxy: FaultProxy;
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let container: ContainerClient;
  let place: string;
  let count = 0;
  beforeAll(async () => {
    azurite = await startAzurite();
    scratch = await scratchFolder();
    const tls = await azurite.authority.issue('proxy', 'IP:127.0.0.1');
    proxy = await startFaultProxy(azurite.url, { tls, authority: azurite.authority.certificate });
  });
  afterAll(async () => {
    await proxy?.stop();
    await azurite?.stop();
    await scratch?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    proxy.heal();
    proxy.requests.length = 0;
    count += 1;
    container = await azurite.container(`resume-${count}`);
    place = join(scratch.path, `${count}`);
  });

  /** In blocks, so that the service knows no MD5 of it, as of most large blobs. */
  const put = (name: string, content: Buffer) =>
    container
      .getBlockBlobClient(name)
      .uploadData(content, { maxSingleShotSize: MB, blockSize: 8 * MB, concurrency: 2 });
  const address = () => `azureblob://${azurite.account}/${container.containerName}/train`;
  const endpoint = () => ({ EDGELOOP_BLOB_ENDPOINT: `${proxy.url}/{account}` });
  const open = (settings?: BlobDataOptions) =>
    openBlobData(
      parseBlobAddress(address(), endpoint()),
      {
        source: 'test',
        getToken: async () => ({ token: azurite.token(), expiresOnTimestamp: Date.now() + 3_600_000 }),
      },
      settings,
    );
  const folder = () => join(place, 'data');
  const plan = async () => {
    const store = open();
    const files = await store.list();
    return { files, manifest: await (await describeRemote(store)).manifest() };
  };
  /** A process that downloads what was planned. */
  const start = (manifest: Uint8Array) => {
    const file = join(scratch.path, `${count}.jsonl`);
    writeFileSync(file, manifest);
    const authority = azurite.authority.certificate;
    const env = { ...process.env, ...endpoint(), NODE_EXTRA_CA_CERTS: authority, TOKEN: azurite.token() };
    return childProgram(DOWNLOADER, [address(), file, folder()], env);
  };
  const came = () => proxy.bytes(BLOB_READ).answer;
  const startAndKill = async (manifest: Uint8Array, bytes: number, rate = 6 * MB) => {
    proxy.fault({ fault: 'slow', of: 'answer', bytesPerSecond: rate }, ALL);
    const child = start(manifest);
    await expect.poll(came, { interval: 5, timeout: 60_000 }).toBeGreaterThanOrEqual(bytes);
    expect(await child.kill()).toBe('SIGKILL');
    proxy.heal();
    expect(existsSync(folder())).toBe(false);
  };
  const left = () => readdirSync(place).toSorted();
  const file = (name: string) => readFileSync(join(folder(), name));

  it.each([0.1, 0.5, 0.9])(
    'that is killed at %d of 200 MB is gone on with by the next process',
    async (share) => {
      const content = randomBytes(200 * MB);
      await put('train/large.bin', content);
      const { files, manifest } = await plan();
      expect(files).toEqual([{ path: 'large.bin', size: content.length, etag: expect.any(String) }]);
      await startAndKill(manifest, share * content.length);
      await start(manifest).output();
      expect(file('large.bin').equals(content)).toBe(true);
      console.log(`killed at ${share}: ${(came() / content.length).toFixed(4)} of the bytes`);
      expect(came() / content.length).toBeLessThanOrEqual(BUDGET);
      expect(left()).toEqual(['data', 'data.digest']);
    },
  );

  it('of many files that is killed fetches none of those again that were whole', async () => {
    const contents = new Map(
      Array.from({ length: 60 }, (_, index) => [`${index}.bin`, randomBytes(200_000)] as const),
    );
    await Promise.all([...contents].map(([name, content]) => put(`train/${name}`, content)));
    const { manifest } = await plan();
    await startAndKill(manifest, 6 * MB, MB);
    const before = proxy.requests.length;
    await start(manifest).output();
    for (const [name, content] of contents) expect(file(name).equals(content)).toBe(true);
    const again = proxy.requests.slice(before).map(({ path }) => path);
    expect(again.length).toBeLessThan(60 - 20);
    expect(new Set(again).size).toBe(again.length);
    expect(came()).toBeLessThanOrEqual(BUDGET * 60 * 200_000);
  });

  it('that is cut every 10 % fetches nothing twice', async () => {
    const content = randomBytes(45 * MB);
    await put('train/large.bin', content);
    const { files } = await plan();
    proxy.fault({ fault: 'truncate', afterBytes: 4.5 * MB }, ALL);
    await downloadRemote(open(), files, folder(), { cache: join(place, 'cache') });
    expect(file('large.bin').equals(content)).toBe(true);
    const seen = proxy.requests.filter(({ path }) => BLOB_READ.path.test(path));
    expect(seen.filter(({ faults }) => faults.includes('truncate'))).toHaveLength(8);
    expect(new Set(seen.map(({ headers }) => headers['if-match']))).toEqual(new Set([`"${files[0]?.etag}"`]));
    expect(came() / content.length).toBeLessThanOrEqual(BUDGET);
  });

  it('by two processes at once is made by one of them, and by the other when that is killed', async () => {
    const content = randomBytes(100 * MB);
    await put('train/large.bin', content);
    const { manifest } = await plan();
    proxy.fault({ fault: 'slow', of: 'answer', bytesPerSecond: 3 * MB }, ALL);
    const processes = [start(manifest), start(manifest), start(manifest)];
    await expect.poll(came, { interval: 5, timeout: 60_000 }).toBeGreaterThanOrEqual(30 * MB);
    const first = await processes[0]?.kill();
    proxy.heal();
    expect(first).toBe('SIGKILL');
    await Promise.all(processes.slice(1).map((each) => each.output()));
    expect(file('large.bin').equals(content)).toBe(true);
    expect(came() / content.length).toBeLessThanOrEqual(BUDGET);
    expect(left()).toEqual(['cache', 'data', 'data.digest']);
  });

  it('is refused when the blob was changed since it was killed, and begun anew when planned anew', async () => {
    await put('train/large.bin', randomBytes(60 * MB));
    const old = await plan();
    await startAndKill(old.manifest, 30 * MB);
    const content = randomBytes(60 * MB);
    await put('train/large.bin', content);
    const now = await plan();
    // What is left of the old plan lies there when the new one comes.
    await start(now.manifest).output();
    expect(file('large.bin').equals(content)).toBe(true);
    await put('train/large.bin', randomBytes(60 * MB));
    rmSync(folder(), { recursive: true });
    await startAndKill((await plan()).manifest, 30 * MB);
    const planned = await plan();
    await put('train/large.bin', randomBytes(60 * MB));
    const error: unknown = await start(planned.manifest).output().catch(String);
    expect(error).toMatch(/large\.bin is not there any more as it was planned \(412/);
    expect(error).toContain("code: 'remote-changed'");
    // Nobody will ever ask for what was left.
    expect(left()).toEqual(['data.digest']);
  });

  /** The records of what came: 6 bytes of length, a state, a zero. */
  const progress = () => join(place, 'data.part/progress');
  const pretendReboot = () => {
    const label = join(place, 'data.part/plan');
    writeFileSync(label, readFileSync(label, 'utf8').replace(/\n.*/, '\nanother boot'));
  };
  it.each<[string, (target: string) => void, number]>([
    [
      'a power cut that loses what was not synced',
      (target) => {
        pretendReboot();
        const records = readFileSync(progress());
        const content = readFileSync(target);
        // Of each part that was not whole, the kernel had the length on the disk, and not the bytes.
        const unsynced = [0, 1, 2].filter((part) => records[part * 8 + 6] === 0);
        expect(unsynced).toEqual([0, 1]);
        content.fill(0, 0, 2 * PART);
        writeFileSync(target, content);
      },
      2 * PART,
    ],
    ['records of nothing', () => writeFileSync(progress(), ''), 36 * MB],
    ['records that are no records', () => writeFileSync(progress(), Buffer.alloc(3 * 8, 0xff)), 36 * MB],
    ['a file that is shorter than its records say', (target) => writeFileSync(target, 'short'), 36 * MB],
    ['a file that has gone', (target) => rmSync(target), 36 * MB],
    ['another plan', () => writeFileSync(join(place, 'data.part/plan'), 'another'), 36 * MB],
  ])('that was killed ends well with %s', async (_, damage, again) => {
    const content = randomBytes(36 * MB);
    await put('train/large.bin', content);
    const { files, manifest } = await plan();
    await startAndKill(manifest, 20 * MB);
    damage(join(place, 'data.part/files/large.bin'));
    const before = came();
    await downloadRemote(open(), files, folder(), { cache: join(place, 'cache') });
    expect(file('large.bin').equals(content)).toBe(true);
    expect(came() - before).toBe(again);
  });

  it.skipIf(process.getuid?.() !== 0)('onto a disk that runs full goes on when there is room', async () => {
    const content = randomBytes(45 * MB);
    await put('train/large.bin', content);
    const { files } = await plan();
    const disk = smallDisk(place, '64m');
    try {
      proxy.fault({ fault: 'slow', of: 'answer', bytesPerSecond: 6 * MB }, ALL);
      const download = () => downloadRemote(open(), files, folder(), { cache: join(place, 'cache') });
      const full = download();
      full.catch(() => {});
      await expect.poll(came, { interval: 5, timeout: 60_000 }).toBeGreaterThanOrEqual(15 * MB);
      disk.fill();
      await expect(full).rejects.toMatchObject({ code: 'disk-full' });
      proxy.heal();
      const before = came();
      await expect(download()).rejects.toMatchObject({
        code: 'disk-full',
        message: expect.stringMatching(/needs \d+ bytes more, and there is room for \d+/),
      });
      expect(came()).toBe(before);
      disk.free();
      await download();
      expect(file('large.bin').equals(content)).toBe(true);
      // What had come and found no room comes again.
      expect(came() / content.length).toBeLessThanOrEqual(1.05);
    } finally {
      disk.unmount();
    }
  });

  it('that breaks off for good tells where, and no token', async () => {
    await put('train/a.bin', randomBytes(MB));
    const { files } = await plan();
    proxy.fault({ fault: 'stall', of: 'answer', afterBytes: 0 }, { ...ALL, nth: 2 });
    proxy.fault({ fault: 'truncate', afterBytes: 400_000 }, BLOB_READ);
    const download = downloadRemote(open({ idleMs: 300 }), files, folder(), { cache: join(place, 'cache') });
    const error: unknown = await download.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'http-failed',
      message: expect.stringMatching(/train: a\.bin broke off at byte \d+ of 1000000, 4 times/),
    });
    const shown = inspect(error, { depth: 10, showHidden: true });
    const tokens = proxy.requests.map(({ headers }) => String(headers.authorization).split('.')[2] ?? '');
    expect(tokens.filter((token) => token !== '' && shown.includes(token))).toEqual([]);
    expect(shown).not.toMatch(/Bearer|[?&]sig=/);
  });
});
