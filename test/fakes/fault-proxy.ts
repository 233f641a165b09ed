import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Certificate } from '../fixtures/certificates.ts';
import { answerRequest, type Ticket } from './answer-request.ts';
import type { SeenRequest } from './exchange.ts';
import { type Asked, type Fault, matches, type Origin, type Target, turns } from './faults.ts';

/** An HTTP proxy in front of a registry that does what a test tells it to; README.md beside it shows how. */
export interface FaultProxy extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, with `tls` `https://`. */
  url: string;
  /** `127.0.0.1:PORT`, as it stands in a reference. */
  host: string;
  /** The second origin, which `redirect` points at. */
  storageUrl: string;
  /** All requests so far, in the order in which they arrived. */
  requests: SeenRequest[];
  /** From now on, for the requests meant. Several faults of one request all have their effect. */
  fault(fault: Fault, target?: Target): void;
  /** No faults any more; what is under way keeps its own. */
  heal(): void;
  /** Bytes of bodies that have gone through, of all requests or of those that match. */
  bytes(target?: Pick<Target, keyof Asked>): { request: number; answer: number };
  /** Ends all connections. */
  stop(): Promise<void>;
}

interface Rule {
  fault: Fault;
  meets: (asked: Asked) => boolean;
}

export interface FaultProxyOptions {
  /** Speaks TLS with this certificate; then there is no `drop`, which a TLS connection cannot do. */
  tls?: Certificate;
  /** Path of the certificate that vouches for a registry at `https://`. */
  authority?: string;
}

/** Starts a proxy on two free loopback ports in front of a registry at `http://HOST:PORT` or `https://HOST:PORT`. */
export async function startFaultProxy(
  registryUrl: string,
  { tls, authority }: FaultProxyOptions = {},
): Promise<FaultProxy> {
  const registry = new URL(registryUrl);
  const requests: SeenRequest[] = [];
  const tickets: Ticket[] = [];
  let rules: Rule[] = [];

  const faultsOf = (seen: SeenRequest) => {
    requests.push(seen);
    // All rules count every request that they match, whatever another one does to it.
    return rules.filter((rule) => rule.meets(seen)).map((rule) => rule.fault);
  };
  const ca = authority === undefined ? undefined : readFileSync(authority);
  const shared = { registry, ca, tls, tickets, faultsOf };
  const storage = await serve('storage', shared);
  const front = await serve('registry', { ...shared, storageUrl: storage.url });

  const stop = async () => void (await Promise.all([front.close(), storage.close()]));
  return {
    url: front.url,
    host: new URL(front.url).host,
    storageUrl: storage.url,
    requests,
    fault: (fault, target = {}) =>
      void rules.push({ fault, meets: turns({ origin: 'registry', ...target }) }),
    heal: () => void (rules = []),
    bytes(target = {}) {
      const meant = requests.filter((seen) => matches(target, seen));
      return {
        request: meant.reduce((sum, seen) => sum + seen.requestBytes, 0),
        answer: meant.reduce((sum, seen) => sum + seen.answerBytes, 0),
      };
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Shared {
  registry: URL;
  ca: Buffer | undefined;
  tls: Certificate | undefined;
  tickets: Ticket[];
  /** Records a request and says what is to be done to it. */
  faultsOf: (seen: SeenRequest) => Fault[];
  storageUrl?: string;
}

async function serve(origin: Origin, { faultsOf, tls, storageUrl = '', ...shared }: Shared) {
  let url = '';
  const listener: RequestListener = (request, response) => {
    const seen = recordOf(request, origin);
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    void answerRequest(
      { ...shared, request, response, seen, faults: faultsOf(seen), proxy: url, gone: gone.signal },
      storageUrl,
    );
  };
  const server =
    tls === undefined
      ? createServer(listener)
      : createTlsServer({ key: readFileSync(tls.key), cert: readFileSync(tls.certificate) }, listener);
  // Neither a stalled request nor a kept connection may end by a time limit that no test has asked for.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  return { url, close: () => close(server) };
}

function recordOf(request: IncomingMessage, origin: Origin): SeenRequest {
  return {
    origin,
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    requestBytes: 0,
    status: undefined,
    answerBytes: 0,
    faults: [],
  };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
