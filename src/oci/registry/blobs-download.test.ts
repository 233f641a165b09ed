import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../../../test/fakes/fault-proxy.ts';
import { HTML_PAGE } from '../../../test/fakes/faults.ts';
import { blobFrom } from '../../../test/fixtures/oci-layout.ts';
import { available, type RunningRegistry, startRegistry } from '../../../test/fixtures/registries.ts';
import type { BlobSource, Repository } from '../repository.ts';
import { openHttpRepository } from './http-registry.ts';

const SIZE = 2 * 1024 * 1024;
const BLOB = { path: /\/blobs\/sha256:/, method: 'GET' };

async function read(repository: Repository, blob: BlobSource): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(repository.readBlob(blob.descriptor)));
}

/** A repository on a server of our own, for what no registry here does. */
async function serve(listener: RequestListener): Promise<Repository> {
  const server = createServer(listener);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close().closeAllConnections());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return openHttpRepository('churn', { host: `127.0.0.1:${port}` });
}

describe.skipIf(!available('docker-registry'))('a blob from docker-registry', () => {
  const content = randomBytes(SIZE);
  const blob = blobFrom(content);
  let registry: RunningRegistry;
  beforeAll(async () => {
    registry = await startRegistry('docker-registry');
    await openHttpRepository('models/churn', { host: registry.host }).writeBlob(blob);
  });
  afterAll(() => registry.stop());

  const start = async (): Promise<{ proxy: FaultProxy; repository: Repository }> => {
    const proxy = await startFaultProxy(registry.url);
    onTestFinished(() => proxy.stop());
    const authorization = {
      header: async () => 'Basic bm9ib2R5Om5vdGhpbmc=',
      challenged: async () => false,
    };
    const settings = { host: proxy.host, stallMs: 300, authorization };
    return { proxy, repository: openHttpRepository('models/churn', settings) };
  };

  it.each(['drop', 'stall', 'truncate'] as const)('goes on where a %s has stopped it', async (fault) => {
    for (const share of [0.1, 0.5, 0.9]) {
      const { proxy, repository } = await start();
      proxy.fault({ fault, of: 'answer', afterBytes: Math.floor(SIZE * share) }, BLOB);
      expect((await read(repository, blob)).equals(content)).toBe(true);
      expect(proxy.requests.map(({ status }) => status)).toEqual([200, 206]);
      expect(proxy.requests[1]?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
      expect(proxy.bytes(BLOB).answer).toBeLessThanOrEqual(SIZE * 1.02);
    }
  });

  it('that waits to be tried again ends with the signal’s reason', async () => {
    const { proxy } = await start();
    const stop = new AbortController();
    const repository = openHttpRepository('models/churn', { host: proxy.host, signal: stop.signal });
    proxy.fault({ fault: 'answer', status: 503, headers: { 'retry-after': '30' } }, BLOB);
    const reason = new Error('enough');
    const ended = read(repository, blob).catch((error: unknown) => error);
    await expect.poll(() => proxy.requests.at(-1)?.status, { interval: 5 }).toBe(503);
    stop.abort(reason);
    expect(await ended).toBe(reason);
  });

  it('arrives over a line that is cut every tenth of the way', async () => {
    const { proxy, repository } = await start();
    proxy.fault({ fault: 'drop', of: 'answer', afterBytes: SIZE / 10 }, { ...BLOB, times: Infinity });
    expect((await read(repository, blob)).equals(content)).toBe(true);
    expect(proxy.requests.length).toBeGreaterThanOrEqual(10);
    expect(proxy.bytes(BLOB).answer).toBeLessThanOrEqual(SIZE * 1.02);
  });

  it('is given up when nothing comes any more', async () => {
    const { proxy, repository } = await start();
    proxy.fault({ fault: 'drop', of: 'answer', afterBytes: 0 }, { ...BLOB, times: Infinity });
    await expect(read(repository, blob)).rejects.toMatchObject({
      code: expect.stringMatching(/^(registry-unavailable|http-failed)$/),
    });
    expect(proxy.requests).toHaveLength(4);
  });

  it('waits as it is told to by 429, and gives a last 503 back as what it is', async () => {
    const { proxy, repository } = await start();
    const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}';
    proxy.fault(
      { fault: 'answer', status: 429, headers: { 'retry-after': '0' }, body },
      { ...BLOB, times: 2 },
    );
    expect((await read(repository, blob)).equals(content)).toBe(true);
    proxy.fault(
      { fault: 'answer', status: 503, headers: { 'retry-after': '0' }, body },
      { ...BLOB, times: 4 },
    );
    await expect(read(repository, blob)).rejects.toMatchObject({
      code: 'registry-unavailable',
      message: expect.stringContaining('503 (TOOMANYREQUESTS: slow down)'),
    });
  });

  it('from another origin is resumed there, and credentials stay behind', async () => {
    const { proxy, repository } = await start();
    proxy.fault({ fault: 'redirect' }, { ...BLOB, times: Infinity });
    proxy.fault({ fault: 'drop', of: 'answer', afterBytes: SIZE / 2 }, { origin: 'storage' });
    // A signature that has run out.
    proxy.fault({ fault: 'answer', status: 403 }, { origin: 'storage', nth: 2 });
    expect((await read(repository, blob)).equals(content)).toBe(true);
    const there = proxy.requests.filter(({ origin }) => origin === 'storage');
    expect(there.map(({ status }) => status)).toEqual([200, 403, 206]);
    expect(there.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined, undefined]);
    expect(there[2]?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(new Set(there.map(({ path }) => path)).size).toBe(3);
    const here = proxy.requests.filter(({ origin }) => origin === 'registry');
    expect(here.every(({ headers }) => headers.authorization?.startsWith('Basic '))).toBe(true);
  });

  it.each([
    ['a flipped bit', { fault: 'flip-bit', atByte: SIZE / 2 }, 'digest-mismatch'],
    ['an early end in order', { fault: 'shorten', afterBytes: SIZE / 2 }, 'digest-mismatch'],
    ['a body without end', { fault: 'endless' }, 'digest-mismatch'],
    ['a web page', HTML_PAGE, 'registry-answer-unexpected'],
  ] as const)('is refused for %s', async (_, fault, code) => {
    const { proxy, repository } = await start();
    proxy.fault(fault, BLOB);
    await expect(read(repository, blob)).rejects.toMatchObject({ code });
  });

  it.each([
    [401, 'registry-unauthorized'],
    [403, 'registry-denied'],
    [404, 'blob-missing'],
    [418, 'registry-failed'],
  ])('that is answered with %i throws %s, once', async (status, code) => {
    const { proxy, repository } = await start();
    const body = '{"errors":[{"code":"DENIED","message":"no\\nway"}]}';
    proxy.fault({ fault: 'answer', status, body }, { ...BLOB, times: Infinity });
    await expect(read(repository, blob)).rejects.toMatchObject({ code });
    expect(proxy.requests).toHaveLength(1);
  });

  it('closes its connection when its reader has had enough', async () => {
    const { proxy, repository } = await start();
    proxy.fault({ fault: 'slow', of: 'answer', bytesPerSecond: SIZE / 4 }, BLOB);
    for await (const chunk of repository.readBlob(blob.descriptor)) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    expect(proxy.bytes(BLOB).answer).toBeLessThan(SIZE);
  });
});

describe('a blob from a server without ranges', () => {
  const content = randomBytes(300_000);
  const blob = blobFrom(content);

  it.each([200, 416])(
    'is taken from its beginning again when a Range is answered with %i',
    async (status) => {
      const ranges: (string | undefined)[] = [];
      const repository = await serve((request, response) => {
        ranges.push(request.headers.range);
        if (request.headers.range !== undefined && status === 416) {
          // A body that never ends: whoever reads it hangs.
          response.writeHead(416, { 'content-length': content.length }).write('error');
          return;
        }
        response.writeHead(200, { 'content-length': content.length });
        if (ranges.length > 1) response.end(content);
        else response.write(content.subarray(0, 100_000), () => response.destroy());
      });
      expect((await read(repository, blob)).equals(content)).toBe(true);
      expect(ranges.slice(0, 2)).toEqual([undefined, 'bytes=100000-']);
      expect(ranges.slice(2)).toEqual(status === 416 ? [undefined] : []);
    },
  );

  it('is refused when another range comes than was asked for', async () => {
    const repository = await serve((request, response) => {
      if (request.headers.range === undefined) {
        response.writeHead(200, { 'content-length': content.length });
        response.write(content.subarray(0, 100_000), () => response.destroy());
        return;
      }
      response.writeHead(206, { 'content-range': `bytes 0-${content.length - 1}/${content.length}` });
      response.end(content);
    });
    await expect(read(repository, blob)).rejects.toMatchObject({ code: 'registry-answer-unexpected' });
  });
});
