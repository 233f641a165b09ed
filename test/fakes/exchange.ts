import { once } from 'node:events';
import {
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from 'node:http';
import { request as tlsRequest } from 'node:https';
import { cutConnection } from './cut-connection.ts';
import { type Fault, type Origin, shapeOf } from './faults.ts';
import { passBytes, passZeros, type Way } from './pass-bytes.ts';
import { answerHeaders, requestHeaders } from './proxied-headers.ts';

/** One request as the proxy saw it, from the moment its headers arrived; the figures grow while it runs. */
export interface SeenRequest {
  origin: Origin;
  method: string;
  /** With its query. */
  path: string;
  /** As the client sent them, names in lower case. */
  headers: IncomingMessage['headers'];
  /** Bytes of the request's body that were taken from the client. */
  requestBytes: number;
  /** What the client was answered; `undefined` until then. */
  status: number | undefined;
  /** Bytes of the answer's body that went to the client. */
  answerBytes: number;
  /** The faults that had their effect; one that was never reached is not here. */
  faults: Fault['fault'][];
}

/** A request on its way between client and registry. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  faults: Fault[];
  seen: SeenRequest;
  /** What the registry is asked for, and for whom. */
  path: string;
  authorization: string | undefined;
  registry: URL;
  /** Vouches for a registry that speaks TLS. */
  ca: Buffer | undefined;
  /** The proxy's own address, for absolute `Location` headers. */
  proxy: string;
  /** Aborted when the client has its answer or has gone. */
  gone: AbortSignal;
}

/** Passes a request to the registry and the answer back, both as their faults shape them. */
export async function forward(exchange: Exchange): Promise<void> {
  const { request, response, registry, ca, gone } = exchange;
  const upstream = (registry.protocol === 'https:' ? tlsRequest : httpRequest)({
    ...(ca && { ca }),
    host: registry.hostname,
    port: registry.port,
    method: request.method,
    path: exchange.path,
    headers: requestHeaders(request.rawHeaders, registry.host, exchange.authorization),
    // A connection each: a kept one that the registry closes meanwhile would be a fault nobody asked for.
    agent: false,
  });
  const { promise: answered, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  upstream.on('response', resolve).on('error', reject);
  gone.addEventListener('abort', () => upstream.destroy(), { once: true });
  try {
    // The registry may answer before it has the whole request.
    const sent = sendRequest(exchange, upstream).then((whole) => (whole ? answered : undefined));
    const answer = await Promise.race([answered, sent]);
    if (answer !== undefined) await sendAnswer(exchange, answer);
  } catch (error) {
    upstream.destroy();
    if (gone.aborted || response.headersSent) return void response.destroy();
    exchange.seen.status = 502;
    response.writeHead(502).end(`the registry behind the fault proxy: ${String(error)}\n`);
  }
}

/** Resolves with false when it was cut on its way. */
async function sendRequest(exchange: Exchange, upstream: ClientRequest): Promise<boolean> {
  const { request, faults, gone, seen } = exchange;
  const shape = shapeOf(faults, 'request');
  const way = wayTo(exchange, upstream, (bytes) => (seen.requestBytes += bytes));
  upstream.flushHeaders();
  try {
    // Leaving the loop must not close the client's connection: it may only be stalled.
    const body = request.iterator({ destroyOnReturn: false });
    if (!(await passBytes(body, shape, way))) {
      upstream.end();
      return true;
    }
  } catch {
    // Either the client has gone, or the registry has heard enough and answers.
    request.resume();
    return !request.destroyed;
  }
  way.hit(shape.ending);
  // The registry's side ends when the client's has: `gone` sees to it.
  if (shape.ending === 'drop') await cutConnection(request.socket);
  if (!gone.aborted) await once(gone, 'abort');
  return false;
}

async function sendAnswer(exchange: Exchange, answer: IncomingMessage): Promise<void> {
  const { request, response, faults, seen, registry, proxy, gone } = exchange;
  const shape = shapeOf(faults, 'answer');
  const way = wayTo(exchange, response, (bytes) => (seen.answerBytes += bytes));
  seen.status = answer.statusCode ?? 0;
  const ofUnknownLength = shape.endless || (shape.ending === 'shorten' && shape.limit < Infinity);
  response.sendDate = false;
  response.writeHead(
    seen.status,
    answer.statusMessage,
    answerHeaders(answer.rawHeaders, { registry: registry.origin, proxy, ofUnknownLength }),
  );
  response.flushHeaders();
  const cut = await passBytes(answer, shape, way).catch(() => 'by the registry' as const);
  // What breaks off behind the proxy breaks off in front of it as well.
  if (cut === 'by the registry') return void request.socket.destroySoon();
  if (!cut && shape.endless) await passZeros(way);
  if (!cut) return void response.end();
  way.hit(shape.ending);
  if (shape.ending === 'shorten') response.end();
  if (shape.ending === 'truncate') request.socket.destroySoon();
  if (shape.ending === 'drop') await cutConnection(request.socket);
  if (shape.ending === 'stall' && !gone.aborted) await once(gone, 'abort');
}

function wayTo(
  { seen, gone }: Exchange,
  to: ClientRequest | ServerResponse,
  count: (bytes: number) => void,
): Way {
  return {
    gone,
    count,
    hit: (fault) => {
      if (!seen.faults.includes(fault)) seen.faults.push(fault);
    },
    send: (bytes) =>
      new Promise((resolve, reject) => {
        to.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
  };
}
