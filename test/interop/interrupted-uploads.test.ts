// Uploads that are cut, and processes that are killed while they push: what the registry keeps is not sent again.
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openRegistry, pushModel } from '../../src/oci/index.ts';
import {
  expectWhole,
  modelToPush,
  type ModelToPush,
  ratioOf,
  UPLOADS,
  WEIGHTS,
} from '../fixtures/pushed-model.ts';
import { pushingProcess } from '../fixtures/pushing-process.ts';
import { available } from '../fixtures/registries.ts';

const SHARES = [0.1, 0.5, 0.9];
const BYTES_PER_SECOND = 16 * 1024 * 1024;

/** Asking how far a session has got. */
const QUESTIONS = { ...UPLOADS, method: 'GET', times: Infinity };
/** Nothing that a log could show of an error names one of the sessions that were used. */
function expectNoSession(error: unknown, { proxy }: ModelToPush): void {
  const names = proxy.requests.flatMap(({ path }) => /uploads\/([0-9a-f-]{36})/.exec(path)?.[1] ?? []);
  expect(names).not.toEqual([]);
  const shown = inspect(error, { depth: 10, showHidden: true });
  expect(names.filter((name) => shown.includes(name))).toEqual([]);
}

const isPatch = ({ method }: { method: string }): boolean => method === 'PATCH';
const push = ({ proxy, uploads, packed }: ModelToPush) =>
  pushModel(openRegistry(`${proxy.host}/models`, { uploads }).repository('churn'), packed);

/** Pushes in a process that is killed when so many bytes have gone through. */
async function pushAndKill(started: ModelToPush, share: number): Promise<void> {
  const { proxy, folder, uploads } = started;
  proxy.fault({ fault: 'slow', of: 'request', bytesPerSecond: BYTES_PER_SECOND }, { times: Infinity });
  const pusher = pushingProcess(`${proxy.host}/models`, folder, uploads);
  await expect
    .poll(() => proxy.bytes(UPLOADS).request, { interval: 5, timeout: 30_000 })
    .toBeGreaterThanOrEqual(share * WEIGHTS);
  expect(await pusher.kill()).toBe('SIGKILL');
  proxy.heal();
}

describe.skipIf(!available('distribution'))('a push to distribution', () => {
  it.each(SHARES)('that is cut at %d of it sends nothing twice', async (share) => {
    const started = await modelToPush('distribution');
    started.proxy.fault(
      { fault: 'drop', of: 'request', afterBytes: Math.floor(WEIGHTS * share) },
      { method: 'PATCH' },
    );
    await push(started);
    await expectWhole(started);
    expect(started.proxy.requests.flatMap(({ faults }) => faults)).toEqual(['drop']);
    expect(ratioOf(started)).toBeLessThanOrEqual(1.02);
    expect(await readdir(started.uploads)).toEqual([]);
  });

  it.each(SHARES)('that is killed at %d of it is gone on with by the next process', async (share) => {
    const started = await modelToPush('distribution');
    await pushAndKill(started, share);
    const [remembered = '', ...others] = await readdir(started.uploads);
    expect(others).toEqual([]);
    expect((await stat(join(started.uploads, remembered))).mode & 0o777).toBe(0o600);
    expect((await stat(started.uploads)).mode & 0o777).toBe(0o700);
    const next = pushingProcess(`${started.proxy.host}/models`, started.folder, started.uploads);
    expect(Number(await next.output())).toBeLessThan(started.packed.bytes - share * WEIGHTS * 0.9);
    await expectWhole(started);
    console.log(`distribution, killed at ${share}: ${ratioOf(started).toFixed(4)} times the bytes`);
    expect(ratioOf(started)).toBeLessThanOrEqual(1.02);
    expect(await readdir(started.uploads)).toEqual([]);
  });

  it('that has forgotten the session starts anew, and keeps to sessions', async () => {
    const started = await modelToPush('distribution');
    await pushAndKill(started, 0.5);
    const file = join(started.uploads, (await readdir(started.uploads))[0] ?? '');
    const record = await readFile(file, 'utf8');
    await writeFile(
      file,
      record.replace(/_state=[^"&]*/, '_state=forgotten').replace(/uploads\/.{8}/, 'uploads/00000000'),
    );
    started.proxy.fault({ fault: 'drop', of: 'request', afterBytes: WEIGHTS / 2 }, { method: 'PATCH' });
    const before = started.proxy.requests.length;
    await push(started);
    await expectWhole(started);
    const sent = started.proxy.requests.slice(before).filter(({ method }) => method === 'PATCH');
    // One of all of it, and after the cut one of the rest: it is not taken for a registry without sessions.
    expect(sent.map(({ headers }) => headers['content-range']?.startsWith('0-'))).toEqual([true, false]);
  });

  it.each([
    ['no JSON', () => '{"url":'],
    ['no URL', () => '{"url":"nowhere"}'],
    ['a URL that is not followed', () => '{"url":"file:///etc/passwd"}'],
    ['a host that has gone', () => '{"url":"http://127.0.0.1:1/v2/models/churn/blobs/uploads/x"}'],
  ])('starts anew when what is remembered is %s', async (_, content) => {
    const started = await modelToPush('distribution');
    await pushAndKill(started, 0.1);
    const [name = ''] = await readdir(started.uploads);
    await writeFile(join(started.uploads, name), content());
    await push(started);
    await expectWhole(started);
    expect(await readdir(started.uploads)).toEqual([]);
  });

  it('that is refused for good is gone on with later, and shows the session to nobody', async () => {
    const started = await modelToPush('distribution');
    const { proxy } = started;
    proxy.fault({ fault: 'drop', of: 'request', afterBytes: WEIGHTS / 2 }, { method: 'PATCH' });
    proxy.fault({ fault: 'answer', status: 503, headers: { 'retry-after': '0' } }, QUESTIONS);
    const error: unknown = await push(started).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'registry-unavailable' });
    expectNoSession(error, started);
    proxy.heal();
    await push(started);
    await expectWhole(started);
    expect(ratioOf(started)).toBeLessThanOrEqual(1.02);
  });

  it('of which a small blob fails stops the large one, which is gone on with later', async () => {
    const started = await modelToPush('distribution');
    const { proxy } = started;
    proxy.fault({ fault: 'drop', of: 'request', afterBytes: 0 }, { method: 'PUT', times: Infinity });
    proxy.fault({ fault: 'slow', of: 'request', bytesPerSecond: WEIGHTS / 20 }, { method: 'PATCH' });
    const error: unknown = await push(started).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'http-failed', message: expect.stringContaining('uploading blob') });
    expectNoSession(error, started);
    proxy.heal();
    const seen = proxy.requests.length;
    await push(started);
    await expectWhole(started);
    expect(proxy.requests.slice(seen).find(isPatch)?.headers['content-range']).toMatch(/^[1-9]/);
    expect(ratioOf(started)).toBeLessThanOrEqual(1.02);
  });

  it('that was killed and then made by another forgets the session', async () => {
    const started = await modelToPush('distribution');
    await pushAndKill(started, 0.1);
    await pushModel(openRegistry(`${started.registry.host}/models`).repository('churn'), started.packed);
    expect(await readdir(started.uploads)).toHaveLength(1);
    expect(await push(started)).toMatchObject({ transferred: 0 });
    expect(await readdir(started.uploads)).toEqual([]);
  });

  it('does without a memory that cannot be written', async () => {
    const started = await modelToPush('distribution');
    await writeFile(started.uploads, 'a file where the folder should be');
    expect(await push(started)).toMatchObject({ transferred: started.packed.bytes });
    await expectWhole(started);
  });
});

describe.skipIf(!available('docker-registry'))(
  'a push to docker-registry, which forgets what was cut,',
  () => {
    it.each(SHARES)('that is cut at %d of it sends that blob anew', async (share) => {
      const started = await modelToPush('docker-registry');
      const cut = { fault: 'drop', of: 'request', afterBytes: Math.floor(WEIGHTS * share) } as const;
      started.proxy.fault(cut, { method: 'PATCH' });
      await push(started);
      await expectWhole(started);
      expect(started.proxy.requests.flatMap(({ faults }) => faults)).toEqual(['drop']);
      console.log(`docker-registry, cut at ${share}: ${ratioOf(started).toFixed(4)} times the bytes`);
      expect(ratioOf(started)).toBeGreaterThan(1 + share * 0.99);
      expect(ratioOf(started)).toBeLessThanOrEqual(1 + share * 1.01);
      expect(await readdir(started.uploads)).toEqual([]);
    });

    it.each(SHARES)('that is killed at %d of it is made anew by the next process', async (share) => {
      const started = await modelToPush('docker-registry');
      const { proxy, packed } = started;
      await pushAndKill(started, share);
      const next = pushingProcess(`${started.proxy.host}/models`, started.folder, started.uploads);
      await next.output();
      await expectWhole(started);
      console.log(`docker-registry, killed at ${share}: ${ratioOf(started).toFixed(4)} times the bytes`);
      const again = ratioOf(started) - (proxy.requests.find(isPatch)?.requestBytes ?? 0) / packed.bytes;
      // Together 1 + the share, and what the kernel still passed on for the killed process.
      expect(ratioOf(started)).toBeGreaterThan(1 + share * 0.99);
      expect(again).toBeGreaterThan(0.99);
      expect(again).toBeLessThanOrEqual(1);
      expect(await readdir(started.uploads)).toEqual([]);
    });
  },
);
