import { createServer, type RequestListener } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { http } from './http.ts';

/** A real server on loopback that answers with this listener. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close().closeAllConnections());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

describe('http', () => {
  it('tries a GET again after 503, and returns what came then', async () => {
    const statuses = [503, 429, 200];
    const url = await serve((_, response) =>
      response.writeHead(statuses.shift() ?? 500, { 'retry-after': '0' }).end('here'),
    );
    expect(await http(url)).toMatchObject({ status: 200, body: Buffer.from('here') });
  });

  it('never sends a POST twice', async () => {
    let received = '';
    const url = await serve((request, response) => {
      request.on('data', (chunk: Buffer) => (received += chunk.toString()));
      request.on('end', () => response.writeHead(503).end());
    });
    await expect(http(url, { method: 'POST', body: { model: 'churn' } })).rejects.toMatchObject({
      code: 'http-failed',
    });
    expect(received).toBe('{"model":"churn"}');
  });

  it('hands over a status that the other side means', async () => {
    const url = await serve((_, response) => response.writeHead(404).end('{}'));
    expect(await http(url)).toMatchObject({ status: 404 });
  });

  it('ends a wait that takes too long, and an answer that never ends', async () => {
    const silent = await serve(() => {});
    await expect(http(silent, { timeoutMs: 50, retries: 0 })).rejects.toMatchObject({ code: 'http-failed' });
    const endless = await serve((_, response) => {
      const chunk = Buffer.alloc(1 << 20);
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
    });
    await expect(http(endless, { retries: 0 })).rejects.toMatchObject({
      cause: expect.objectContaining({ message: expect.stringContaining('larger than') }),
    });
  });

  it('names what could not be reached, and stops at a signal', async () => {
    await expect(http('http://127.0.0.1:1/', { retries: 0 })).rejects.toMatchObject({
      message: 'http://127.0.0.1:1/ could not be reached',
    });
    await expect(
      http('http://127.0.0.1:1/', { signal: AbortSignal.abort(new Error('stopped')) }),
    ).rejects.toThrow('stopped');
  });
});
