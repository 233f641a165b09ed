import { isLoopback } from '../../http-agent.ts';
import type { Authorization } from './authorization-types.ts';

export interface HttpRegistrySettings {
  /** With its port, if it is not the protocol's own. */
  host: string;
  /** What comes before each model's name; empty for none. */
  prefix: string;
  /** Plain HTTP, which goes by itself to loopback addresses only. */
  plainHttp?: boolean;
  authorization?: Authorization;
  /** How long to wait for more of a stream before its connection is cut and it is resumed; default 30 s. */
  stallMs?: number;
  /** Ends every request and every wait with its reason. */
  signal?: AbortSignal;
  /** A folder in which uploads are remembered, so that another process goes on with them. */
  uploads?: string;
}

/** One registry, and what was learned of it. */
export interface Endpoint {
  host: string;
  base: URL;
  authorization?: Authorization;
  stallMs: number;
  signal?: AbortSignal;
  uploads?: string;
  learned: {
    /** False once the registry has forgotten an upload that was cut, or refused to take one in a stream. */
    keepsUploads: boolean;
  };
}

/** One repository of a registry. */
export interface Place {
  endpoint: Endpoint;
  /** For messages: `HOST/REPOSITORY`. */
  name: string;
  pull: string;
  push: string;
  /** The URL of a path below the repository, such as `tags/list`. */
  url(path: string): URL;
}

export function endpointOf(settings: HttpRegistrySettings): Endpoint {
  // What is called docker.io answers under another name.
  const host = settings.host === 'docker.io' ? 'registry-1.docker.io' : settings.host;
  const plain = settings.plainHttp === true || isLoopback(new URL(`http://${host}`).hostname);
  return {
    host: settings.host,
    base: new URL(`${plain ? 'http' : 'https'}://${host}/v2/`),
    ...(settings.authorization && { authorization: settings.authorization }),
    stallMs: settings.stallMs ?? 30_000,
    ...(settings.signal && { signal: settings.signal }),
    ...(settings.uploads !== undefined && { uploads: settings.uploads }),
    learned: { keepsUploads: true },
  };
}

export function placeOf(endpoint: Endpoint, repository: string): Place {
  return {
    endpoint,
    name: `${endpoint.host}/${repository}`,
    pull: `repository:${repository}:pull`,
    push: `repository:${repository}:pull,push`,
    url: (path) => new URL(`${repository}/${path}`, endpoint.base),
  };
}

/** The same place, asked only until the signal is aborted as well. */
export function placeUntil(place: Place, signal: AbortSignal | undefined): Place {
  if (signal === undefined) return place;
  const { endpoint } = place;
  const signals = [signal, ...(endpoint.signal ? [endpoint.signal] : [])];
  return { ...place, endpoint: { ...endpoint, signal: AbortSignal.any(signals) } };
}

/**
 * Where a `Location` or a `Link` leads; `undefined` for what must not be followed. A registry behind a proxy that ends
 * TLS may name itself with http://: it is still asked with https://.
 */
export function resolveLink(endpoint: Endpoint, from: URL, link: string): URL | undefined {
  const url = URL.parse(link, from.href);
  if (url === null) return undefined;
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    if (url.hostname !== endpoint.base.hostname) return undefined;
    url.protocol = 'https:';
    url.port = endpoint.base.port;
  }
  return url.protocol === 'https:' || url.protocol === 'http:' ? url : undefined;
}
