import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, armError, type Asked } from './answer.ts';
import { answerArm, answerData, type Inside } from './arm.ts';

/** What is done to a request: an answer instead, or a reset before or after it was carried out. */
export type MlFault =
  | { fault: 'answer'; status: number; headers?: Record<string, string>; body?: unknown }
  | { fault: 'reset'; when: 'before' | 'after' };

export interface MlRequest {
  method: string;
  /** Without the query. */
  path: string;
  query: Record<string, string>;
  headers: IncomingMessage['headers'];
  body: unknown;
  /** `undefined` while there is none, and when the connection was reset. */
  status: number | undefined;
  fault: MlFault['fault'] | undefined;
}

/** Answers one request, or does what a fault asks for. */
export async function serve(
  inside: Inside,
  requests: MlRequest[],
  faultOf: (method: string, path: string) => MlFault | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '', headers } = request;
  const url = new URL(request.url ?? '', inside.url);
  const raw = Buffer.concat(await Array.fromAsync(request)).toString();
  const fault = faultOf(method, request.url ?? '');
  const seen: MlRequest = {
    method,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers,
    body: parsed(raw),
    status: undefined,
    fault: fault?.fault,
  };
  // They hold tokens, which no message of a failing test is to show.
  Object.defineProperty(seen, 'headers', { enumerable: false });
  requests.push(seen);
  if (fault?.fault === 'reset' && fault.when === 'before') return void request.socket.destroy();
  const asked: Asked = {
    method,
    parts: [],
    query: url.searchParams,
    body: seen.body,
    url: inside.url,
    path: url.pathname,
  };
  if (fault?.fault === 'answer') return send(response, seen, faulty(fault));
  const log = inside.dataPlane.log(url, headers.range, inside.jobs.all);
  if (log !== undefined) {
    seen.status = log.status;
    response.writeHead(log.status, { ...log.headers, 'content-length': log.bytes.length });
    return void response.end(log.bytes);
  }
  // Where else the services of the region are: here as well. Anybody may ask.
  if (url.pathname === '/discovery')
    return send(response, seen, { status: 200, body: { api: inside.url, history: inside.url } });
  const answered = url.pathname.startsWith('/subscriptions/')
    ? await answerArm(inside, asked, `${url.pathname}${url.search}`, headers)
    : answerData(inside, asked, headers.authorization);
  if (fault?.fault === 'reset') return void request.socket.destroy();
  send(response, seen, answered);
}

function send(response: ServerResponse, seen: MlRequest, { status, headers, body }: Answer): void {
  seen.status = status;
  const type = body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' };
  response.writeHead(status, { ...type, 'x-ms-request-id': randomUUID(), ...headers });
  response.end(body === undefined ? '' : JSON.stringify(body));
}

const SAID: Record<number, [code: string, message: string]> = {
  401: ['ExpiredAuthenticationToken', 'The access token expiry UTC time is earlier than current UTC time.'],
  429: ['TooManyRequests', 'The request is being throttled.'],
};

function faulty({ status, headers, body }: MlFault & { fault: 'answer' }): Answer {
  const [code, message] = SAID[status] ?? ['InternalServerError', 'InternalServerError'];
  const challenge = status === 401 ? { 'www-authenticate': 'Bearer error="invalid_token"' } : {};
  const plain = armError(status, code, message);
  return { ...plain, ...(body !== undefined && { body }), headers: { ...challenge, ...headers } };
}

function parsed(raw: string): unknown {
  if (raw === '') return undefined;
  try {
    return JSON.parse(raw);
  } catch {
    return raw;
  }
}
