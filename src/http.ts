import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from './errors.ts';

export interface HttpOptions {
  method?: 'GET' | 'POST';
  /** Sent as JSON. */
  body?: unknown;
  /** Path of a UNIX socket to connect to instead of the URL's host. */
  socketPath?: string;
  /** For the whole answer; default 10 s. */
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
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
  const limit = AbortSignal.timeout(options.timeoutMs ?? 10_000);
  const request = send(url, {
    method: options.method ?? 'GET',
    ...(options.socketPath !== undefined && { socketPath: options.socketPath }),
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json', 'content-length': body.length },
    }),
    signal: options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]),
  });
  request.on('error', reject);
  request.on('response', (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > LARGEST_BODY) request.destroy(new Error(`the answer is larger than ${LARGEST_BODY} bytes`));
      else chunks.push(chunk);
    });
    response.on('error', reject);
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
    );
  });
  request.end(body);
  return promise;
}
