// What each fault of an answer is on the wire, in front of a real registry.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type Fault, HTML_PAGE } from '../fakes/faults.ts';
import { converse } from '../fixtures/converse.ts';
import { available, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';
import { BASIC, BLOB, BLOB_PATH, putBlob } from '../fixtures/registry-blob.ts';

const BLOBS = { method: 'GET', path: /\/blobs\// };

describe.skipIf(!available('docker-registry'))('faults of an answer', () => {
  let registry: RunningRegistry;
  beforeAll(async () => {
    registry = await startRegistry('docker-registry', { auth: 'basic' });
    await putBlob(registry.url);
  });
  afterAll(() => registry?.stop());

  it.each([
    ['drop', 'ECONNRESET'],
    ['truncate', 'end'],
  ] as const)('%s: what has arrived before the connection breaks is exact', async (name, ending) => {
    await using proxy = await startFaultProxy(registry.url);
    for (const afterBytes of [0, 1, 700_001]) {
      proxy.fault(cutAt(name, afterBytes), BLOBS);
      const wire = await converse(proxy.host, get(BLOB_PATH));
      expect(wire.head).toContain(`Content-Length: ${BLOB.length}\r\n`);
      expect(wire.body.equals(BLOB.subarray(0, afterBytes))).toBe(true);
      expect(wire.ending).toBe(ending);
      expect(proxy.requests.at(-1)).toMatchObject({ status: 200, answerBytes: afterBytes, faults: [name] });
    }
    expect(await blobThrough(proxy)).toEqual(BLOB);
  });

  it('drop: a client that reads late gets all that was sent before', async () => {
    await using proxy = await startFaultProxy(registry.url);
    proxy.fault({ fault: 'drop', of: 'answer', afterBytes: BLOB.length - 1 }, BLOBS);
    const wire = await converse(proxy.host, get(BLOB_PATH), {
      readWhen: () => (proxy.requests[0]?.answerBytes ?? 0) > 500_000,
    });
    expect(wire).toMatchObject({ ending: 'ECONNRESET', body: { length: BLOB.length - 1 } });
  });

  it('stall: the connection stays, and nothing more comes', async () => {
    await using proxy = await startFaultProxy(registry.url);
    proxy.fault({ fault: 'stall', of: 'answer', afterBytes: 1000 }, BLOBS);
    const wire = await converse(proxy.host, get(BLOB_PATH), { leaveAfterMs: 300 });
    expect(wire).toMatchObject({ ending: 'left', body: { length: 1000 } });
    expect(proxy.requests[0]?.faults).toEqual(['stall']);
  });

  it('shorten: all looks right but for the bytes that are missing', async () => {
    await using proxy = await startFaultProxy(registry.url);
    proxy.fault({ fault: 'shorten', afterBytes: 5000 }, BLOBS);
    const response = await ask(proxy, BLOB_PATH);
    expect(response.headers.get('content-length')).toBeNull();
    expect(Buffer.from(await response.arrayBuffer())).toEqual(BLOB.subarray(0, 5000));
  });

  it('endless: more comes than there is', async () => {
    await using proxy = await startFaultProxy(registry.url);
    proxy.fault({ fault: 'endless' }, BLOBS);
    const response = await ask(proxy, BLOB_PATH);
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > 4 * BLOB.length) break;
    }
    expect(size).toBeGreaterThan(4 * BLOB.length);
  });

  it('flip-bit: one bit of one byte differs, whatever its chunk', async () => {
    await using proxy = await startFaultProxy(registry.url);
    for (const atByte of [0, 654_321, BLOB.length - 1]) {
      proxy.fault({ fault: 'flip-bit', atByte }, BLOBS);
      const received = await blobThrough(proxy);
      expect(received[atByte]).toBe((BLOB[atByte] ?? 0) ^ 1);
      received[atByte] = BLOB[atByte] ?? 0;
      expect(received.equals(BLOB)).toBe(true);
    }
  });

  it('answer: the k-th request that matches, and only that, gets something else', async () => {
    await using proxy = await startFaultProxy(registry.url);
    proxy.fault(instead(401, { 'www-authenticate': 'Basic realm="x"' }), { ...BLOBS, nth: 2 });
    proxy.fault(instead(429, { 'retry-after': '7' }), { ...BLOBS, nth: 3 });
    proxy.fault(instead(503), { ...BLOBS, nth: 4, times: 2 });
    proxy.fault(HTML_PAGE, { ...BLOBS, nth: 6 });
    const answered: unknown[] = [];
    for (let at = 1; at <= 5; at++) {
      await ask(proxy, '/v2/');
      const response = await ask(proxy, BLOB_PATH);
      await response.arrayBuffer();
      answered.push([response.status, response.headers.get('retry-after')]);
    }
    expect(answered).toEqual([
      [200, null],
      [401, null],
      [429, '7'],
      [503, null],
      [503, null],
    ]);
    const page = await ask(proxy, BLOB_PATH);
    expect(page.headers.get('content-type')).toBe('text/html');
    expect(await page.text()).toContain('<!doctype html>');
    expect(await blobThrough(proxy)).toEqual(BLOB);
  });

  it('slow: others overtake, and no byte is lost', async () => {
    await using proxy = await startFaultProxy(registry.url);
    // At this rate the whole would take a minute and a half.
    proxy.fault({ fault: 'slow', of: 'answer', bytesPerSecond: 12_000 }, BLOBS);
    const slow = await ask(proxy, BLOB_PATH);
    expect(await blobThrough(proxy)).toEqual(BLOB);
    expect(proxy.requests[0]?.answerBytes).toBeLessThan(BLOB.length);
    await slow.body?.cancel();
    proxy.fault({ fault: 'slow', of: 'answer', bytesPerSecond: 20_000_000 }, BLOBS);
    expect(await blobThrough(proxy)).toEqual(BLOB);
    expect(proxy.requests.at(-1)?.faults).toEqual(['slow']);
  });

  it('redirect: the second origin serves without an account, and tells what it was asked with', async () => {
    await using proxy = await startFaultProxy(registry.url);
    proxy.fault({ fault: 'redirect' }, { ...BLOBS, times: Infinity });
    const headers = { authorization: BASIC, range: 'bytes=10-' };
    const first = await fetch(`${proxy.url}${BLOB_PATH}`, { headers, redirect: 'manual' });
    expect(first.status).toBe(307);
    const location = first.headers.get('location') ?? '';
    expect(location.startsWith(`${proxy.storageUrl}${BLOB_PATH}?`)).toBe(true);
    const second = await fetch(location, { headers: { range: 'bytes=10-' } });
    expect(second.status).toBe(206);
    expect(Buffer.from(await second.arrayBuffer())).toEqual(BLOB.subarray(10));
    expect(proxy.requests).toMatchObject([
      { origin: 'registry', status: 307, answerBytes: 0, faults: ['redirect'], headers },
      { origin: 'storage', status: 206, answerBytes: BLOB.length - 10, headers: { range: 'bytes=10-' } },
    ]);
    expect(proxy.requests[1]?.headers).not.toHaveProperty('authorization');

    // A signed URL that has expired.
    proxy.fault({ fault: 'answer', status: 403 }, { origin: 'storage' });
    expect((await fetch(location)).status).toBe(403);
    expect((await fetch(location)).status).toBe(200);
    expect((await fetch(`${proxy.storageUrl}${BLOB_PATH}`)).status).toBe(403);
    // fetch keeps to the rule, and a client that sends its account on is seen.
    await (await ask(proxy, BLOB_PATH)).arrayBuffer();
    expect(proxy.requests.at(-1)).toMatchObject({ origin: 'storage', status: 200 });
    expect(proxy.requests.at(-1)?.headers.authorization).toBeUndefined();
    await fetch(location, { headers: { authorization: 'Basic leaked' } });
    expect(proxy.requests.at(-1)?.headers.authorization).toBe('Basic leaked');
  });

  it('passes on what the registry itself gets wrong', async () => {
    await using proxy = await startFaultProxy(registry.url);
    // 2.8 promises the whole blob with its 416, sends a few bytes and closes.
    const request = get(BLOB_PATH, `Range: bytes=${BLOB.length}-`);
    const [direct, proxied] = [await converse(registry.host, request), await converse(proxy.host, request)];
    expect(direct.head).toMatch(/^HTTP\/1.1 416 /);
    expect(proxied.body).toEqual(direct.body);
    expect(proxied.ending).toBe('end');
    const length = /content-length: \d+/i;
    expect(length.exec(proxied.head)?.[0]).toBe(length.exec(direct.head)?.[0]);
  });
});

function cutAt(fault: 'drop' | 'truncate', afterBytes: number): Fault {
  return fault === 'drop' ? { fault, of: 'answer', afterBytes } : { fault, afterBytes };
}

function instead(status: number, headers = {}): Fault {
  return { fault: 'answer', status, headers };
}

function ask(proxy: FaultProxy, path: string): Promise<Response> {
  return fetch(`${proxy.url}${path}`, { headers: { authorization: BASIC } });
}

async function blobThrough(proxy: FaultProxy): Promise<Buffer> {
  return Buffer.from(await (await ask(proxy, BLOB_PATH)).arrayBuffer());
}

function get(path: string, ...headers: string[]): string {
  return [`GET ${path} HTTP/1.1`, 'Host: test', `Authorization: ${BASIC}`, ...headers, '', ''].join('\r\n');
}
