import { type Attributes, mayDelete, type Stored } from './attributes.ts';
import type { Action } from './tokens.ts';

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

export interface Asked {
  stored: Stored;
  registry: string;
  name: string;
  /** A tag or a digest. */
  reference: string;
  query: URLSearchParams;
  body: string;
}

interface Route {
  action: Action;
  answer: (asked: Asked) => Answer;
}

/** An error in the form that Azure gives all of its own. */
export function refusal(status: number, code: string, message: string): Answer {
  return { status, body: { errors: [{ code, message }] } };
}

/** What Azure answers to whatever a lock forbids: 405 with this code is what its users report. */
export const DISALLOWED = refusal(
  405,
  'REGISTRY_DISALLOWED_OPERATION',
  'The operation is disallowed on this registry, repository or image. View troubleshooting steps at https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation',
);
const NO_TAG = refusal(404, 'TAG_UNKNOWN', 'the specified tag does not exist');
const NO_MANIFEST = refusal(404, 'MANIFEST_UNKNOWN', 'manifest unknown');

function shownTag(stored: Stored, repository: string, tag: string) {
  const found = stored.tag(repository, tag);
  return found && { name: tag, signed: false, ...found };
}

function tagAnswer({ stored, registry, name, reference }: Asked): Answer {
  const tag = shownTag(stored, name, reference);
  return tag === undefined ? NO_TAG : { status: 200, body: { registry, imageName: name, tag } };
}

function manifestAnswer({ stored, registry, name, reference }: Asked): Answer {
  const manifest = stored.manifest(name, reference);
  if (manifest === undefined) return NO_MANIFEST;
  return { status: 200, body: { registry, imageName: name, manifest } };
}

function changeThen(read: (asked: Asked) => Answer): (asked: Asked) => Answer {
  return (asked) => {
    const before = read(asked);
    if (before.status !== 200) return before;
    const changes: Partial<Attributes> = JSON.parse(asked.body || '{}');
    asked.stored.change(asked.name, asked.reference, changes);
    return read(asked);
  };
}

/** A page of a listing: at most `n` of what comes after `last`, and the link to the next. */
function page(
  names: string[],
  { query }: Asked,
  path: string,
): { names: string[]; headers: Record<string, string> } {
  const last = query.get('last') ?? '';
  const rest = names.filter((name) => name > last);
  const some = rest.slice(0, Number(query.get('n') ?? 100));
  const isLast = some.length === rest.length;
  const next = `<${path}?last=${encodeURIComponent(some.at(-1) ?? '')}&n=${some.length}>; rel="next"`;
  return { names: some, headers: isLast ? {} : { link: next } };
}

/** Operations below `/acr/v1`, named as Microsoft's description names them. */
export const ROUTES: Record<string, Route> = {
  'GET /acr/v1/_catalog': {
    action: 'metadata_read',
    answer(asked) {
      const { names, headers } = page(asked.stored.repositories(), asked, '/acr/v1/_catalog');
      return { status: 200, headers, body: { repositories: names } };
    },
  },
  'GET /acr/v1/{name}/_tags': {
    action: 'metadata_read',
    answer(asked) {
      const { stored, registry, name } = asked;
      const { names, headers } = page(stored.tags(name), asked, `/acr/v1/${name}/_tags`);
      const tags = names.map((tag) => shownTag(stored, name, tag));
      return { status: 200, headers, body: { registry, imageName: name, tags } };
    },
  },
  'GET /acr/v1/{name}/_tags/{reference}': { action: 'metadata_read', answer: tagAnswer },
  'PATCH /acr/v1/{name}/_tags/{reference}': { action: 'metadata_write', answer: changeThen(tagAnswer) },
  'DELETE /acr/v1/{name}/_tags/{reference}': {
    action: 'delete',
    answer({ stored, name, reference }) {
      const tag = stored.tag(name, reference);
      if (tag === undefined) return NO_TAG;
      if (!mayDelete(tag)) return DISALLOWED;
      stored.deleteTag(name, reference);
      return { status: 202, body: undefined };
    },
  },
  'GET /acr/v1/{name}/_manifests': {
    action: 'metadata_read',
    answer(asked) {
      const { stored, registry, name } = asked;
      const { names, headers } = page(stored.manifests(name), asked, `/acr/v1/${name}/_manifests`);
      const manifests = names.map((digest) => stored.manifest(name, digest));
      return { status: 200, headers, body: { registry, imageName: name, manifests } };
    },
  },
  'GET /acr/v1/{name}/_manifests/{digest}': { action: 'metadata_read', answer: manifestAnswer },
  'PATCH /acr/v1/{name}/_manifests/{digest}': {
    action: 'metadata_write',
    answer: changeThen(manifestAnswer),
  },
};

export function findRoute(method: string, path: string) {
  for (const [route, found] of Object.entries(ROUTES)) {
    const [wanted = '', template = ''] = route.split(' ');
    if (wanted !== method) continue;
    const pattern = template
      .replace('{name}', '(?<name>.+?)')
      .replace(/\{(reference|digest)\}/, '(?<reference>[^/]+)');
    const { groups } = new RegExp(`^${pattern}$`).exec(path) ?? {};
    if (groups === undefined && !new RegExp(`^${pattern}$`).test(path)) continue;
    const { name = '', reference = '' } = groups ?? {};
    return { route, ...found, name: decodeURIComponent(name), reference: decodeURIComponent(reference) };
  }
  return undefined;
}
