import { setTimeout as sleep } from 'node:timers/promises';
import { EdgeloopError, failure } from './errors.ts';

export interface HttpOptions {
  method?: 'GET' | 'POST';
  /** Sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Path of a UNIX socket to connect to instead of the URL's host. */
  socketPath?: string;
  /**
   * Takes the body of a 200 or 206 as it comes, of any length; called anew for each try. Without it the body is
   * returned, at most 16 MiB of it.
   */
  receive?: (body: AsyncIterable<Buffer>, headers: NodeJS.Dict<string | string[]>) => Promise<void>;
  /** For the whole answer, or with `receive` for each wait for more of it; default 10 s. */
  timeoutMs?: number;
  /** How often a GET is tried again after a network error, 408, 429 or 5xx; default 2. */
  retries?: number;
  signal?: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: Buffer;
}

const LONGEST_WAIT_MS = 30_000;
const LARGEST_BODY = 16 * 1024 * 1024;

/**
 * The one function that does HTTP: a time limit, bounded retries of GET with full jitter that obey `Retry-After`, and
 * a bounded body. Resolves with any status below 500 that is not 408 or 429; throws `http-failed` otherwise.
 */
export async function http(url: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  const tries = options.method === 'POST' ? 1 : 1 + (options.retries ?? 2);
  for (let attempt = 1; ; attempt++) {
    const result = await once(url, options).catch((error: unknown) => ({ error }));
    options.signal?.throwIfAborted();
    if ('status' in result && !isTransient(result.status)) return result;
    // What is expected to fail again, a wrong digest for example, is not tried again.
    if ('error' in result && result.error instanceof EdgeloopError) throw result.error;
    if (attempt < tries) {
      await sleep(waitMs(attempt, 'status' in result ? result : undefined), undefined, {
        ...(options.signal && { signal: options.signal }),
      });
      continue;
    }
    const what = 'status' in result ? `answered ${result.status}` : 'could not be reached';
    const cause = 'error' in result ? { cause: result.error } : undefined;
    throw failure(
      'http-failed',
      `${options.socketPath ?? url} ${what}`,
      'Check that it runs and can be reached from here.',
      cause,
    );
  }
}

function isTransient(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function waitMs(attempt: number, answer: HttpAnswer | undefined): number {
  const asked = Number(answer?.headers['retry-after']) * 1000;
  if (asked >= 0) return Math.min(asked, LONGEST_WAIT_MS);
  return Math.random() * 200 * 2 ** attempt;
}

function once(url: string, options: HttpOptions): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  // An import would evaluate every export of node:http, a whole web client among them: 25 ms at the start of each verb.
  const client = process.getBuiltinModule(url.startsWith('https:') ? 'node:https' : 'node:http');
  const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
  const limitMs = options.timeoutMs ?? 10_000;
  const signals = [
    ...(options.receive === undefined ? [AbortSignal.timeout(limitMs)] : []),
    ...(options.signal === undefined ? [] : [options.signal]),
  ];
  const request = client.request(url, {
    method: options.method ?? 'GET',
    ...(options.socketPath !== undefined && { socketPath: options.socketPath }),
    headers: {
      ...options.headers,
      ...(body !== undefined && { 'content-type': 'application/json', 'content-length': body.length }),
    },
    signal: AbortSignal.any(signals),
  });
  if (options.receive !== undefined) {
    request.setTimeout(limitMs, () => request.destroy(new Error(`nothing came for ${limitMs / 1000} s`)));
  }
  request.on('error', reject);
  request.on('response', (response) => {
    const { statusCode: status = 0, headers } = response;
    const { receive } = options;
    const read =
      receive !== undefined && (status === 200 || status === 206)
        ? receive(response, headers).then(() => Buffer.alloc(0))
        : readWhole(response);
    read.then(
      (bytes) => resolve({ status, headers, body: bytes }),
      (error: unknown) => {
        request.destroy();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
  request.end(body);
  return promise;
}

async function readWhole(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LARGEST_BODY) throw new Error(`the answer is larger than ${LARGEST_BODY} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
