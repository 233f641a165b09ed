import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { mayDelete, type Stored } from './attributes.ts';
import { type Answer, DISALLOWED } from './routes.ts';
import type { Action } from './tokens.ts';

/** What a request below `/v2` needs; Azure counts the list of tags as metadata. */
export function neededFor(method: string, path: string): { name: string; action: Action } | undefined {
  const [, name, what] = /^\/v2\/(.+?)\/(blobs|manifests|tags|referrers)\//.exec(path) ?? [];
  if (name === undefined) return undefined;
  if (what === 'tags') return { name, action: 'metadata_read' };
  if (method === 'DELETE') return { name, action: 'delete' };
  return { name, action: method === 'GET' || method === 'HEAD' ? 'pull' : 'push' };
}

/** What a lock has against a manifest that is to be written or deleted. */
function forbidden(stored: Stored, method: string, path: string, bytes: Buffer | undefined): boolean {
  const [, name = '', reference = ''] = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(path) ?? [];
  if (method === 'DELETE') {
    const manifest = stored.manifest(name, reference);
    const tags = (manifest?.tags ?? []).map((tag) => stored.tag(name, tag));
    return [manifest, ...tags].some((one) => one !== undefined && !mayDelete(one));
  }
  if (bytes === undefined) return false;
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  // That a locked manifest gets no other tag either is the strictest way to read what Microsoft says.
  return [stored.tag(name, reference), stored.manifest(name, digest)].some(
    (one) => one?.changeableAttributes.writeEnabled === false,
  );
}

/** Passes a request to the real registry, unless a lock forbids it. */
export async function passContent(
  { stored, registry }: { stored: Stored; registry: string },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Answer | undefined> {
  const { method = '', url = '' } = request;
  const { pathname } = new URL(url, registry);
  const isManifest = /\/manifests\/[^/]+$/.test(pathname) && ['PUT', 'DELETE'].includes(method);
  const bytes = isManifest && method === 'PUT' ? Buffer.concat(await Array.fromAsync(request)) : undefined;
  if (isManifest && forbidden(stored, method, pathname, bytes)) return DISALLOWED;
  const { authorization: _, host: __, ...headers } = request.headers;
  const upstream = httpRequest(new URL(url, registry), { method, headers, agent: false });
  if (bytes === undefined) request.pipe(upstream);
  else upstream.end(bytes);
  const answered = once(upstream, 'response');
  const [answer]: IncomingMessage[] = await answered;
  if (answer === undefined) throw new Error('the registry gave no answer');
  const deleted = /^\/v2\/(.+)\/manifests\/(sha256:[^/]+)$/.exec(pathname);
  if (method === 'DELETE' && answer.statusCode === 202) stored.forget(deleted?.[1] ?? '', deleted?.[2] ?? '');
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  answer.pipe(response);
  await once(response, 'close');
  return undefined;
}
