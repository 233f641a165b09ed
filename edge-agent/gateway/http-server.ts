import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { failure, isSystemError, messageOf, misuse } from '../../src/errors.ts';
import type { Log } from '../settings.ts';
import type { Slot } from '../slots/slot.ts';
import { inferResponse, modelMetadata, parseJson, readInferRequest } from './inference-json.ts';
import type { Metrics } from './metrics.ts';
import type { Queue } from './queue.ts';
import { type BodyBudget, readBody } from './read-body.ts';
import { modelNotReady, modelUnknown, requestFailure, versionUnknown } from './request-failure.ts';
import { findRoute, type Route } from './routes.ts';

/** What a model name leads to. */
export interface ServedModel {
  slot: Slot;
  queue: Queue;
}

export interface HttpDeps {
  models: ReadonlyMap<string, ServedModel>;
  metrics: Metrics;
  programVersion: string;
  /** What `GET /edgeloop/status` answers. */
  status(): unknown;
  log: Log;
}

type Serving = HttpDeps & { budget: BodyBudget };

const MEBIBYTE = 1024 * 1024;

interface Reply {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/** Starts the HTTP server; resolves when it listens. Throws `port-in-use` or `address-unusable`. */
export async function startHttpServer(
  address: { host: string; port: number },
  deps: HttpDeps,
): Promise<{ url: string; close(graceMs: number): Promise<void> }> {
  const budget = { each: 64 * MEBIBYTE, together: 256 * MEBIBYTE, held: 0 };
  const serving = { ...deps, budget };
  const server = createServer((request, response) => {
    // A client that keeps its connection busy must not be cut in the middle of a request at the end.
    if (!server.listening) response.shouldKeepAlive = false;
    void answer(request, response, serving);
  });
  // Longer than clients and proxies keep an idle connection (60 s is common): who closes first must not be the server,
  // or a request that is sent at that very moment is lost.
  server.keepAliveTimeout = 75_000;
  await listen(server, address);
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return { url: `http://${host}:${port}`, close: (graceMs) => closeServer(server, graceMs) };
}

async function answer(request: IncomingMessage, response: ServerResponse, deps: Serving): Promise<void> {
  try {
    const { route } = findRoute(request.method ?? 'GET', request.url ?? '/');
    if (route.name === 'infer') await infer(route, request, response, deps);
    else send(response, await reply(route, request, deps));
  } catch (error) {
    sendFailure(request, response, error, deps.log);
  }
}

async function infer(
  route: Route & { name: 'infer' },
  request: IncomingMessage,
  response: ServerResponse,
  deps: Serving,
): Promise<void> {
  const began = performance.now();
  const served = deps.models.get(route.model);
  if (served === undefined) throw modelUnknown(route.model);
  // Counted under its name only when it is known: a label that a client chooses would grow without bound.
  const labels = { model: route.model, version: '', code: 200 };
  const gone = new AbortController();
  let release: (() => void) | undefined;
  response.once('close', () => gone.abort());
  try {
    const { body, release: releaseBody } = await readBody(request, deps.budget);
    release = releaseBody;
    const { id, ...wanted } = readInferRequest(body);
    const version = route.version === undefined ? {} : { version: route.version };
    const outcome = await served.queue.submit({ ...wanted, ...version }, gone.signal);
    labels.version = outcome.version;
    send(response, { status: 200, body: inferResponse(route.model, id, outcome) });
  } catch (error) {
    labels.code = requestFailure(error).status;
    throw error;
  } finally {
    release?.();
    deps.metrics.request(labels, (performance.now() - began) / 1000);
  }
}

async function reply(
  route: Exclude<Route, { name: 'infer' }>,
  request: IncomingMessage,
  deps: Serving,
): Promise<Reply> {
  switch (route.name) {
    case 'server':
      return ok({ name: 'edgeloop', version: deps.programVersion, extensions: ['model_repository'] });
    case 'live':
      return ok({ live: true });
    case 'ready': {
      const ready = [...deps.models.values()].every(({ slot }) => slot.ready());
      return { status: ready ? 200 : 503, body: { ready } };
    }
    case 'model':
      return ok(metadata(route, deps));
    case 'model-ready': {
      const ready = find(route, deps)?.up() === true;
      return { status: ready ? 200 : 503, body: { name: route.model, ready } };
    }
    case 'repository-index':
      return ok(await repositoryIndex(request, deps));
    case 'metrics': {
      const openMetrics = request.headers.accept?.includes('application/openmetrics-text') === true;
      const { contentType, text } = await deps.metrics.render(openMetrics);
      return { status: 200, body: text, headers: { 'content-type': contentType } };
    }
    case 'status':
      return ok(deps.status());
  }
}

const ok = (body: unknown): Reply => ({ status: 200, body });

/** The held version that a path names; undefined when the model has none at all yet. */
function find({ model, version }: { model: string; version?: string }, { models }: HttpDeps) {
  const served = models.get(model);
  if (served === undefined) throw modelUnknown(model);
  const held = served.slot.find(version);
  if (held === undefined && version !== undefined) throw versionUnknown(model, version);
  return held;
}

function metadata(route: { model: string; version?: string }, deps: Serving) {
  const held = find(route, deps);
  if (held === undefined) throw modelNotReady(route.model);
  const { current, previous } = deps.models.get(route.model)?.slot.holdings() ?? {};
  const versions = [current?.version, previous?.version].filter((version) => version !== undefined);
  return modelMetadata(route.model, versions, held.spec.signature);
}

async function repositoryIndex(request: IncomingMessage, deps: Serving) {
  const { body, release } = await readBody(request, { each: 64 * 1024, together: 64 * 1024, held: 0 });
  release();
  const asked = z
    .object({ ready: z.boolean().optional() })
    .safeParse(body.length === 0 ? {} : parseJson(body));
  if (!asked.success) {
    throw failure(
      'request-invalid',
      'the body is not {"ready": true or false}',
      'Leave it empty for all models.',
    );
  }
  const rows = [...deps.models].flatMap(([name, { slot }]) => {
    const held = Object.values(slot.holdings()).filter((each) => each !== undefined);
    if (held.length === 0) return [{ name, state: 'UNAVAILABLE', reason: 'no version was activated yet' }];
    const serving = new Set([slot.holdings().current?.digest, slot.holdings().previous?.digest]);
    return held.map(({ version, digest, up }) => {
      const state = !serving.has(digest) ? 'LOADING' : up ? 'READY' : 'UNAVAILABLE';
      return { name, version, state, reason: state === 'UNAVAILABLE' ? 'its session host restarts' : '' };
    });
  });
  return rows.filter(({ state }) => asked.data.ready !== true || state === 'READY');
}

function send(response: ServerResponse, { status, body, headers }: Reply): void {
  if (response.headersSent || response.destroyed) return;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

function sendFailure(request: IncomingMessage, response: ServerResponse, thrown: unknown, log: Log): void {
  const { status, error, retryAfter } = requestFailure(thrown);
  if (status >= 500 && status !== 503 && !response.destroyed) {
    log('error', `${request.method} ${request.url}: ${messageOf(error)}`, { code: error.code, status });
  }
  const headers: Record<string, string> = {};
  if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter);
  if (status === 405) headers['allow'] = error.remedy.replace(/^Use |\.$/g, '').replace(' or ', ', ');
  send(response, { status, body: { error: messageOf(error), code: error.code }, headers });
  // What is left of a body is read and dropped: a client that is cut while it sends sees no answer.
  if (!request.complete) request.resume();
}

async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, host, resolve);
  try {
    await promise;
  } catch (error) {
    if (isSystemError(error, 'EADDRINUSE')) {
      throw misuse(
        'port-in-use',
        `port ${port} on ${host} is in use by another program`,
        `Give the agent another address with --http ${host}:PORT, or end the other program.`,
        { cause: error },
      );
    }
    throw misuse(
      'address-unusable',
      `cannot listen on ${host}:${port}: ${messageOf(error)}`,
      'Give an address of this machine and a port above 1023, for example --http 127.0.0.1:8080.',
      { cause: error },
    );
  } finally {
    server.off('error', reject);
  }
}

/** Takes no more connections, lets requests in flight be answered for `graceMs`, then cuts what is left. */
async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(cut);
}
