import { execFile } from 'node:child_process';
import { createServer, type RequestListener } from 'node:http';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { http, type HttpPayload, retryWaitMs } from './http.ts';

/** A real server on loopback that answers with this listener. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close().closeAllConnections());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

/** Four bytes that are said to be `size`, with something that happens after them. */
const fourBytes = (size: number, last: () => void): HttpPayload => ({
  size,
  contentType: 'text/plain',
  async *open() {
    yield Buffer.from('four');
    last();
  },
});

const readAll = async (body: AsyncIterable<Buffer>): Promise<void> => void (await Array.fromAsync(body));

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

  it('ends the wait for another try with the signal’s reason', async () => {
    const stop = new AbortController();
    const reason = new Error('stopped');
    const url = await serve((_, response) => {
      response.on('finish', () => setTimeout(() => stop.abort(reason), 50));
      response.writeHead(503, { 'retry-after': '30' }).end();
    });
    await expect(http(url, { signal: stop.signal })).rejects.toBe(reason);
  });

  it('reads nothing of a source any more when it has told how it went', async () => {
    const stop = new AbortController();
    const url = await serve((request) => request.once('data', () => stop.abort(new Error('stopped'))));
    let isRead = false;
    const send = {
      size: 2 ** 40,
      contentType: 'text/plain',
      async *open(): AsyncGenerator<Uint8Array> {
        isRead = true;
        try {
          for (;;) {
            yield Buffer.alloc(65_536);
            await new Promise((next) => setTimeout(next, 20));
          }
        } finally {
          isRead = false;
        }
      },
    };
    await expect(http(url, { method: 'PUT', send, signal: stop.signal })).rejects.toThrow('stopped');
    expect(isRead).toBe(false);
  });

  it('sends bytes and streams as they are, and opens a stream anew for another try', async () => {
    const got: string[] = [];
    const statuses = [201, 503, 201];
    const url = await serve(async (request, response) => {
      const body = Buffer.concat(await Array.fromAsync(request)).toString();
      const { 'content-type': type, 'content-length': length } = request.headers;
      got.push(`${request.method} ${type} ${length} ${body}`);
      response.writeHead(statuses.shift() ?? 500, { 'retry-after': '0' }).end();
    });
    const bytes = Buffer.from('whole');
    expect(await http(url, { method: 'PUT', send: { bytes, contentType: 'text/a' } })).toMatchObject({
      status: 201,
    });
    const send = {
      size: 9,
      contentType: 'text/b',
      async *open(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('two ');
        yield Buffer.from('parts');
      },
    };
    expect(await http(url, { method: 'PATCH', send, retries: 1 })).toMatchObject({ status: 201 });
    expect(got).toEqual(['PUT text/a 5 whole', 'PATCH text/b 9 two parts', 'PATCH text/b 9 two parts']);
  });

  it('throws what reading the source throws, once, and refuses a source of another length', async () => {
    let connections = 0;
    const url = await serve((request, response) => {
      connections++;
      request.on('error', () => {});
      request.on('end', () => response.end());
      request.resume();
    });
    const broken = fourBytes(8, () => {
      throw new Error('the file has gone');
    });
    await expect(http(url, { method: 'PUT', send: broken })).rejects.toThrow('the file has gone');
    await expect(http(url, { method: 'PUT', send: fourBytes(5, () => {}) })).rejects.toThrow(
      '4 bytes were there to send where 5 were promised',
    );
    expect(connections).toBeLessThanOrEqual(2);
  });

  it('cuts a stream that stalls, either way', async () => {
    const url = await serve((request, response) => {
      if (request.method === 'GET') response.writeHead(200, { 'content-length': 8 }).write('four');
    });
    const stalled = { code: 'http-failed' };
    await expect(http(url, { receive: readAll, timeoutMs: 50, retries: 0 })).rejects.toMatchObject(stalled);
    const send = {
      size: 2 ** 40,
      contentType: 'text/plain',
      async *open(): AsyncGenerator<Uint8Array> {
        for (;;) yield Buffer.alloc(1 << 20);
      },
    };
    await expect(http(url, { method: 'PUT', send, timeoutMs: 200, retries: 0 })).rejects.toMatchObject(
      stalled,
    );
  });

  it('neither follows a redirect nor reads the body of a 416', async () => {
    const statuses = [307, 416];
    const url = await serve((_, response) => {
      const status = statuses.shift() ?? 500;
      response.writeHead(status, {
        location: 'http://127.0.0.1:1/',
        'content-length': status === 416 ? 99 : 0,
      });
      if (status === 416) response.write('some');
      else response.end();
    });
    expect(await http(url)).toMatchObject({ status: 307, headers: { location: 'http://127.0.0.1:1/' } });
    expect(await http(url)).toMatchObject({ status: 416, body: Buffer.alloc(0) });
  });

  it('gives back the last 5xx when it is asked to, and keeps queries and passwords out of errors', async () => {
    const url = await serve((_, response) => response.writeHead(503, { 'retry-after': '0' }).end('full'));
    expect(await http(url, { anyStatus: true })).toMatchObject({ status: 503, body: Buffer.from('full') });
    const secret = url.replace('//', '//user:pass@');
    await expect(http(`${secret}/blob?signature=abc`)).rejects.toMatchObject({
      message: `${url}/blob answered 503`,
    });
  });
});

describe('retryWaitMs', () => {
  it('obeys Retry-After in seconds and as a date, up to two minutes', () => {
    expect(retryWaitMs(1, { 'retry-after': '7' })).toBe(7000);
    expect(retryWaitMs(1, { 'retry-after': '3600' })).toBe(120_000);
    expect(retryWaitMs(1, { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() })).toBe(120_000);
    expect(retryWaitMs(1, { 'retry-after': new Date(0).toUTCString() })).toBe(0);
  });

  it('otherwise is anywhere below a limit that doubles', () => {
    for (const headers of [{}, { 'retry-after': 'soon' }]) {
      const waits = Array.from({ length: 200 }, () => retryWaitMs(2, headers));
      expect(Math.max(...waits)).toBeLessThan(800);
      expect(new Set(waits).size).toBeGreaterThan(100);
    }
    expect(retryWaitMs(30)).toBeLessThanOrEqual(30_000);
  });
});

describe('agentFor', () => {
  const script = `
    import { http } from ${JSON.stringify(new URL('./http.ts', import.meta.url).href)};
    for (const url of process.argv.slice(1)) {
      const { body } = await http(url, { retries: 0 });
      console.log(body.toString());
    }`;

  it('goes through the proxy of the environment, but not to loopback addresses', async () => {
    const asked: string[] = [];
    const proxy = await serve((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.end('by proxy');
    });
    const direct = await serve((_, response) => response.end('directly'));
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', script, 'http://registry.invalid/v2/', direct],
      { env: { ...process.env, HTTP_PROXY: proxy } },
    );
    expect(stdout).toBe('by proxy\ndirectly\n');
    expect(asked).toEqual(['GET http://registry.invalid/v2/']);
  });

  it('names a proxy that refuses, without its password', async () => {
    const proxy = await serve((_, response) => response.writeHead(407).end());
    const failing = `import { http } from ${JSON.stringify(new URL('./http.ts', import.meta.url).href)};
      await http('http://registry.invalid/v2/').catch((error) => console.log(JSON.stringify(error), error.message));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', failing], {
      env: { ...process.env, HTTP_PROXY: proxy.replace('//', '//bob:hunter2@') },
    });
    expect(stdout).toContain('"code":"proxy-refused"');
    expect(stdout).toContain(`${proxy} answered 407 when it was asked for http://registry.invalid/v2/`);
    expect(stdout).not.toContain('hunter2');
  });

  it('heeds NO_PROXY', async () => {
    const proxy = await serve((_, response) => response.end('by proxy'));
    const ran = promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', script, 'http://registry.invalid/v2/'],
      { env: { ...process.env, HTTP_PROXY: proxy, NO_PROXY: '.invalid' } },
    );
    await expect(ran).rejects.toThrow('could not be reached');
  });
});
