import type { IncomingMessage, ServerResponse } from 'node:http';
import { openBareRepository } from './bare-repository.ts';
import type { Operation } from './description.ts';
import { missingPermissions, type Permissions } from './permissions.ts';
import { type Answer, invalid, NOT_FOUND, type Routes } from './routes.ts';

export interface Api {
  /** Path of the API, before `/repos`. */
  prefix: string;
  url: string;
  repository: string;
  folder: string;
  tokens: Map<string, Permissions>;
  routes: Routes;
  describe: (route: string) => Operation;
  requests: string[];
  misfits: string[];
}

/** Answers one request to the API: who asks, does it fit the description, what does the route say, does that fit. */
export async function answerApi(api: Api, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://github.test');
  const path = pathname.slice(api.prefix.length);
  const bytes = Buffer.concat(await Array.fromAsync(request));
  const asked = `${request.method} ${path}`;
  const answer = await answerTo(api, request, { asked, path, query, bytes });
  api.requests.push(`${asked} ${answer.status}`);
  response.writeHead(answer.status, {
    'content-type': 'application/json; charset=utf-8',
    'x-ratelimit-limit': '1000',
    'x-ratelimit-remaining': '900',
    'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + 3600),
    ...answer.headers,
  });
  response.end(JSON.stringify(answer.body));
}

async function answerTo(
  api: Api,
  request: IncomingMessage,
  { asked, path, query, bytes }: { asked: string; path: string; query: URLSearchParams; bytes: Buffer },
): Promise<Answer> {
  const [, token] = /^(?:Bearer|token) (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (token === undefined) return refusal(401, 'Requires authentication');
  const permissions = api.tokens.get(token);
  if (permissions === undefined) return refusal(401, 'Bad credentials');
  const found = findRoute(api.routes, request.method ?? '', path);
  if (found === undefined) {
    api.misfits.push(`${asked}: the stand-in has no such route`);
    return NOT_FOUND;
  }
  const { owner, repo, ...parameters } = found.parameters;
  if (`${owner}/${repo}` !== api.repository) return NOT_FOUND;
  const missing = missingPermissions(found.route, permissions);
  if (missing !== undefined) {
    const refused = refusal(403, 'Resource not accessible by integration');
    return { ...refused, headers: { 'x-accepted-github-permissions': missing } };
  }
  const operation = api.describe(found.route);
  const body: unknown = bytes.length === 0 ? undefined : JSON.parse(bytes.toString());
  const wrong = operation.misfitsOfRequest({ query, body });
  if (wrong.length > 0) {
    api.misfits.push(...wrong.map((what) => `${asked}: ${what}`));
    return invalid(`Invalid request. ${wrong.join('; ')}`);
  }
  const answer = await found.handle({
    repository: openBareRepository(api.folder),
    api: `${api.url}${api.prefix}/repos/${api.repository}`,
    parameters,
    query,
    body,
  });
  api.misfits.push(
    ...operation.misfitsOfAnswer(answer.status, answer.body).map((what) => `${asked}: our ${what}`),
  );
  return answer;
}

function refusal(status: number, message: string): Answer {
  return { status, body: { message, status: String(status) } };
}

function findRoute(routes: Routes, method: string, path: string) {
  for (const [route, handle] of Object.entries(routes)) {
    const [wanted = '', template = ''] = route.split(' ');
    if (wanted !== method) continue;
    // `ref`, `path` and `tag` may have several segments, whether their slashes are escaped or not.
    const pattern = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      ['ref', 'path', 'tag'].includes(name) ? `(?<${name}>.+)` : `(?<${name}>[^/]+)`,
    );
    const { groups } = new RegExp(`^${pattern}$`).exec(path) ?? {};
    if (groups === undefined) continue;
    const decoded = Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]);
    return { route, handle, parameters: Object.fromEntries(decoded) };
  }
  return undefined;
}
