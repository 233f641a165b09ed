import type { ClientRequest } from 'node:http';
import { EdgeloopError } from './errors.ts';
import { agentFor } from './http-agent.ts';
import { type FailedTry, httpFailed, lastingFailure } from './http-failure.ts';
import { pause } from './pause.ts';

export type HttpHeaders = NodeJS.Dict<string | string[]>;

/** A body that is not JSON: bytes, or a stream that is opened anew for each try. */
export type HttpPayload = { contentType: string } & (
  | { bytes: Uint8Array }
  | { open(): AsyncIterable<Uint8Array>; size: number }
);

export interface HttpOptions {
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, instead of `body`. What its stream throws is thrown unchanged and never tried again. */
  send?: HttpPayload;
  headers?: Record<string, string>;
  /** Path of a UNIX socket to connect to instead of the URL's host. */
  socketPath?: string;
  /**
   * Takes the body of a 200 or 206 as it comes, of any length; called anew for each try. Without it the body is
   * returned, at most 16 MiB of it.
   */
  receive?: (body: AsyncIterable<Buffer>, headers: HttpHeaders, status: number) => Promise<void>;
  /** For the whole answer, or when a body streams either way for each wait for more of it; default 10 s. */
  timeoutMs?: number;
  /**
   * How often it is tried again after a network error, 408, 429 or 5xx; default 2, but 0 for POST and PATCH, since
   * only the caller knows whether it does harm to send one twice.
   */
  retries?: number;
  /** Returns the last 408, 429 or 5xx instead of throwing, for callers that can tell what its body says. */
  anyStatus?: boolean;
  /** Which answers may be another one next time, where a server has its own way to say so; default `isTransient`. */
  isTransient?: (status: number, headers: HttpHeaders) => boolean;
  /** Milliseconds to wait after an answer, where a server has its own way to say so; else `retryWaitMs`. */
  waitMs?: (status: number, headers: HttpHeaders) => number | undefined;
  signal?: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  headers: HttpHeaders;
  body: Buffer;
}

type Outcome = { answer: HttpAnswer } | { error: unknown; isOurs?: boolean };

/** Of what a server asks for: who asks for more wants nothing of us now. */
const LONGEST_ASKED_MS = 120_000;
const LONGEST_WAIT_MS = 30_000;
const LARGEST_BODY = 16 * 1024 * 1024;

/**
 * The one function that does HTTP: a time limit, bounded retries with full jitter that obey `Retry-After`, and a
 * bounded body. Follows no redirects. Resolves with any status below 500 that is not 407, 408 or 429; throws
 * `http-failed`, `tls-failed`, `proxy-refused` or `proxy-invalid` otherwise.
 */
export async function http(url: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  const isRepeatable = options.method !== 'POST' && options.method !== 'PATCH';
  const tries = 1 + (options.retries ?? (isRepeatable ? 2 : 0));
  for (let attempt = 1; ; attempt++) {
    const outcome = await once(url, options);
    options.signal?.throwIfAborted();
    const answer = 'answer' in outcome ? outcome.answer : undefined;
    const tried: FailedTry = 'answer' in outcome ? { status: outcome.answer.status } : outcome;
    // What is expected to fail again, a wrong digest for example, is not tried again.
    if ('error' in outcome && (outcome.isOurs === true || outcome.error instanceof EdgeloopError))
      throw outcome.error;
    const place = options.socketPath ?? url;
    const lasting = lastingFailure(place, tried);
    if (lasting !== undefined) throw lasting;
    const mayChange = options.isTransient ?? isTransient;
    if (answer !== undefined && !mayChange(answer.status, answer.headers)) return answer;
    if (attempt >= tries) {
      if (answer !== undefined && options.anyStatus === true) return answer;
      throw httpFailed(place, tried);
    }
    const askedMs = answer && options.waitMs?.(answer.status, answer.headers);
    await pause(askedMs ?? retryWaitMs(attempt, answer?.headers), options.signal);
  }
}

/** True for the answers that may be another one next time: 408, 429 and 5xx. */
export function isTransient(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/**
 * Milliseconds to wait before the try after `attempt` (from 1): what `Retry-After` asks for (RFC 9110 10.2.3, seconds
 * or a date), at most two minutes; else a random time below a limit that doubles, at most 30 s.
 */
export function retryWaitMs(attempt: number, headers: HttpHeaders = {}): number {
  const asked = String(headers['retry-after'] ?? '');
  const waitMs = /^\d+$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - Date.now();
  if (!Number.isNaN(waitMs)) return Math.min(Math.max(waitMs, 0), LONGEST_ASKED_MS);
  return Math.min(Math.random() * 200 * 2 ** attempt, LONGEST_WAIT_MS);
}

async function once(url: string, options: HttpOptions): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const payload = payloadOf(options);
  const limitMs = options.timeoutMs ?? 10_000;
  const streams = options.receive !== undefined || (payload !== undefined && 'open' in payload);
  const request = start(url, options, payload, streams ? limitMs : undefined);
  request.on('timeout', () => {
    if (streams) request.destroy(new Error(`nothing came for ${limitMs / 1000} s`));
  });
  request.on('error', (error) => resolve({ error }));
  request.on('response', (response) => {
    const { statusCode: status = 0, headers } = response;
    // Registries close the connection in the middle of a 416's body, which says nothing.
    if (status === 416) {
      resolve({ answer: { status, headers, body: Buffer.alloc(0) } });
      request.destroy();
      return;
    }
    const { receive } = options;
    const read =
      receive !== undefined && (status === 200 || status === 206)
        ? receive(response, headers, status).then(() => Buffer.alloc(0))
        : readWhole(response);
    read
      .then((body) => resolve({ answer: { status, headers, body } }))
      .catch((error: unknown) => {
        request.destroy();
        resolve({ error: error instanceof Error ? error : new Error(String(error)) });
      })
      // An answer before the end of what is sent makes the rest pointless.
      .finally(() => void (request.writableFinished || request.destroy()));
  });
  const written = write(request, payload).catch((error: unknown) => {
    resolve({ error, isOurs: true });
    request.destroy();
  });
  const outcome = await promise;
  // Nothing reads what was to be sent any more when the caller is told how it went.
  await written;
  return outcome;
}

function start(
  url: string,
  options: HttpOptions,
  payload: HttpPayload | undefined,
  idleMs: number | undefined,
): ClientRequest {
  // An import would evaluate every export of node:http, a whole web client among them: 25 ms at the start of each verb.
  const client = process.getBuiltinModule(url.startsWith('https:') ? 'node:https' : 'node:http');
  const agent = options.socketPath === undefined ? agentFor(new URL(url)) : undefined;
  const signals = [
    ...(idleMs === undefined ? [AbortSignal.timeout(options.timeoutMs ?? 10_000)] : []),
    ...(options.signal === undefined ? [] : [options.signal]),
  ];
  return client.request(url, {
    method: options.method ?? 'GET',
    ...(agent !== undefined && { agent }),
    ...(options.socketPath !== undefined && { socketPath: options.socketPath }),
    ...(idleMs !== undefined && { timeout: idleMs }),
    headers: {
      ...options.headers,
      ...(payload !== undefined && {
        'content-type': payload.contentType,
        'content-length': 'bytes' in payload ? payload.bytes.byteLength : payload.size,
      }),
    },
    signal: AbortSignal.any(signals),
  });
}

function payloadOf({ send, body }: HttpOptions): HttpPayload | undefined {
  if (send !== undefined || body === undefined) return send;
  return { contentType: 'application/json', bytes: Buffer.from(JSON.stringify(body)) };
}

async function write(request: ClientRequest, payload: HttpPayload | undefined): Promise<void> {
  if (payload === undefined || 'bytes' in payload) {
    request.end(payload?.bytes);
    return;
  }
  let sent = 0;
  for await (const chunk of payload.open()) {
    if (request.destroyed) return;
    sent += chunk.byteLength;
    if (!request.write(chunk)) await drained(request);
  }
  if (sent !== payload.size && !request.destroyed)
    throw new Error(`${sent} bytes were there to send where ${payload.size} were promised`);
  request.end();
}

function drained(request: ClientRequest): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    request.off('drain', done).off('close', done);
    resolve();
  };
  request.on('drain', done).on('close', done);
  if (request.destroyed) done();
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
