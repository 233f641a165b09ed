// What each fault of a request is on the wire, in front of a real registry that keeps an upload which was cut.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFaultProxy } from '../fakes/fault-proxy.ts';
import { available, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';
import { BLOB, startUpload } from '../fixtures/registry-blob.ts';

describe.skipIf(!available('distribution'))('faults of a request', () => {
  let registry: RunningRegistry;
  beforeAll(async () => {
    registry = await startRegistry('distribution');
  });
  afterAll(() => registry?.stop());

  for (const body of ['with its length', 'chunked'] as const) {
    it(`drop: of a PATCH ${body} the registry gets exactly what went through`, async () => {
      await using proxy = await startFaultProxy(registry.url);
      proxy.fault({ fault: 'drop', of: 'request', afterBytes: 300_000 }, { method: 'PATCH' });
      const upload = await startUpload(proxy.url);
      expect(upload.startsWith(`${proxy.url}/`)).toBe(true);
      await expect(patch(upload, body)).rejects.toMatchObject({ cause: expect.any(Error) });
      expect(proxy.requests.at(-1)).toMatchObject({
        status: undefined,
        requestBytes: 300_000,
        faults: ['drop'],
      });
      await expect.poll(() => keptBytes(upload), { timeout: 10_000 }).toBe(300_000);
    });

    it(`passes a PATCH ${body} whole without one`, async () => {
      await using proxy = await startFaultProxy(registry.url);
      const response = await patch(await startUpload(proxy.url), body);
      expect(response.status).toBe(202);
      expect(proxy.bytes({ method: 'PATCH' }).request).toBe(BLOB.length);
    });
  }

  it('stall: the registry waits, and so does the client', async () => {
    await using proxy = await startFaultProxy(registry.url);
    proxy.fault({ fault: 'stall', of: 'request', afterBytes: 4_000 }, { method: 'PATCH' });
    const upload = await startUpload(proxy.url);
    const stalled = patch(upload, 'chunked', AbortSignal.timeout(500));
    await expect(stalled).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(proxy.requests.at(-1)).toMatchObject({ requestBytes: 4_000, faults: ['stall'] });
  });

  it('answer: takes the whole request, and the registry sees none of it', async () => {
    await using proxy = await startFaultProxy(registry.url);
    proxy.fault({ fault: 'answer', status: 500 }, { method: 'PATCH' });
    const upload = await startUpload(proxy.url);
    expect((await patch(upload, 'with its length')).status).toBe(500);
    expect(proxy.requests.at(-1)).toMatchObject({ requestBytes: BLOB.length, faults: ['answer'] });
    expect(await keptBytes(upload)).toBe(0);
  });

  it('slow and drop of one request both have their effect', async () => {
    await using proxy = await startFaultProxy(registry.url);
    proxy.fault({ fault: 'slow', of: 'request', bytesPerSecond: 5_000_000 }, { method: 'PATCH' });
    proxy.fault({ fault: 'drop', of: 'request', afterBytes: 100_000 }, { method: 'PATCH' });
    await expect(patch(await startUpload(proxy.url), 'chunked')).rejects.toBeInstanceOf(TypeError);
    expect(proxy.requests.at(-1)).toMatchObject({ requestBytes: 100_000, faults: ['slow', 'drop'] });
  });

  it('says 502 when there is no registry behind it', async () => {
    await using gone = await startRegistry('distribution');
    await using proxy = await startFaultProxy(gone.url);
    await gone.stop();
    expect((await fetch(`${proxy.url}/v2/`)).status).toBe(502);
  });
});

function patch(
  upload: string,
  body: 'with its length' | 'chunked',
  signal: AbortSignal | null = null,
): Promise<Response> {
  const headers = { 'content-type': 'application/octet-stream' };
  if (body === 'with its length') return fetch(upload, { method: 'PATCH', body: BLOB, headers, signal });
  return fetch(upload, { method: 'PATCH', body: new Blob([BLOB]).stream(), headers, signal, duplex: 'half' });
}

/** What the registry keeps of an upload; its `Range` is `0-0` for nothing. */
async function keptBytes(upload: string): Promise<number> {
  const range = (await fetch(upload)).headers.get('range') ?? '';
  const last = Number(range.slice('0-'.length));
  return last === 0 ? 0 : last + 1;
}
