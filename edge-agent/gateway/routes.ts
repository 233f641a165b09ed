import { failure } from '../../src/errors.ts';

/** What the gateway offers over HTTP, by path: Open Inference Protocol v2 and a few of its own. */
export type Route =
  | { name: 'server' }
  | { name: 'live' }
  | { name: 'ready' }
  | { name: 'model'; model: string; version?: string }
  | { name: 'model-ready'; model: string; version?: string }
  | { name: 'infer'; model: string; version?: string }
  | { name: 'repository-index' }
  | { name: 'metrics' }
  | { name: 'status' };

const FIXED: Readonly<Record<string, Route>> = {
  '/v2': { name: 'server' },
  '/v2/health/live': { name: 'live' },
  '/v2/health/ready': { name: 'ready' },
  '/v2/repository/index': { name: 'repository-index' },
  '/metrics': { name: 'metrics' },
  '/edgeloop/status': { name: 'status' },
};

const MODEL_PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(\/ready|\/infer)?$/;
const POST: ReadonlySet<Route['name']> = new Set(['infer', 'repository-index']);

/** Finds the route of a request. Throws `path-unknown` or `method-not-allowed`. */
export function findRoute(method: string, url: string): { route: Route } {
  const path = url.split('?', 1)[0]?.replace(/(.)\/$/, '$1') ?? '';
  const route = FIXED[path] ?? modelRoute(path);
  if (route === undefined) {
    throw failure('path-unknown', `nothing at ${path}`, 'The Open Inference Protocol v2 begins at /v2.');
  }
  if (!allowedMethods(route).includes(method)) {
    throw failure('method-not-allowed', `${method} ${path}`, `Use ${allowedMethods(route).join(' or ')}.`);
  }
  return { route };
}

/** For the `Allow` header of a 405. */
export function allowedMethods(route: Route): string[] {
  return POST.has(route.name) ? ['POST'] : ['GET', 'HEAD'];
}

function modelRoute(path: string): Route | undefined {
  const match = MODEL_PATH.exec(path);
  const model = decoded(match?.[1]);
  if (match === null || model === undefined) return undefined;
  const version = decoded(match[2]);
  const name = match[3] === '/infer' ? 'infer' : match[3] === '/ready' ? 'model-ready' : 'model';
  return { name, model, ...(version === undefined ? {} : { version }) };
}

function decoded(part: string | undefined): string | undefined {
  try {
    return part === undefined ? undefined : decodeURIComponent(part);
  } catch {
    return part;
  }
}
