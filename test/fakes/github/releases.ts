import { z } from 'zod';
import { type Answer, type Asked, invalid, nodeId, NOT_FOUND, type Routes } from './routes.ts';
import { BOT, pageOf, user } from './shown.ts';

/** A release as it is kept. */
export interface StoredRelease {
  id: number;
  tag: string;
  name: string;
  body: string;
  draft: boolean;
  prerelease: boolean;
  at: string;
}

export interface StoredReleases {
  all: StoredRelease[];
  /** Id of the one that the repository shows as its latest. */
  latest: number | undefined;
}

const RELEASES = '/repos/{owner}/{repo}/releases';
const writtenSchema = z.object({
  tag_name: z.string().optional(),
  target_commitish: z.string().optional(),
  name: z.string().optional(),
  body: z.string().optional(),
  draft: z.boolean().optional(),
  prerelease: z.boolean().optional(),
  make_latest: z.enum(['true', 'false', 'legacy']).optional(),
});

/** GitHub's releases, kept in `stored`; the tags that they are of are the repository's own. */
export function releaseRoutes(stored: StoredReleases): Routes {
  return {
    [`GET ${RELEASES}`]: async ({ api, query }) => {
      const newest = pageOf(stored.all.toReversed(), query);
      return { status: 200, body: newest.map((release) => shown(api, release)) };
    },

    [`GET ${RELEASES}/latest`]: async (asked) =>
      show(
        asked,
        stored.all.find(({ id }) => id === stored.latest),
      ),

    [`GET ${RELEASES}/tags/{tag}`]: async (asked) =>
      show(
        asked,
        stored.all.find(({ tag, draft }) => tag === asked.parameters['tag'] && !draft),
      ),

    [`POST ${RELEASES}`]: async (asked) => {
      const { tag_name: tag = '', ...written } = writtenSchema.parse(asked.body);
      // GitHub makes a lightweight tag where there is none.
      const target = written.target_commitish ?? 'HEAD';
      await asked.repository.run(['update-ref', `refs/tags/${tag}`, target, '0'.repeat(40)]);
      // Nothing may happen between looking and writing: of two at once GitHub refuses one.
      if (stored.all.some((release) => release.tag === tag)) {
        const errors = [{ resource: 'Release', code: 'already_exists', field: 'tag_name' }];
        return invalid('Validation Failed', errors);
      }
      const { name = tag, body = '', draft = false, prerelease = false } = written;
      const at = new Date().toISOString();
      const release = { id: stored.all.length + 1, tag, name, body, draft, prerelease, at };
      stored.all.push(release);
      if (written.make_latest !== 'false') stored.latest = release.id;
      return show(asked, release, 201);
    },

    [`PATCH ${RELEASES}/{release_id}`]: async (asked) => {
      const { tag_name, make_latest, name, body, draft, prerelease } = writtenSchema.parse(asked.body);
      const release = stored.all.find(({ id }) => String(id) === asked.parameters['release_id']);
      if (release === undefined) return NOT_FOUND;
      release.tag = tag_name ?? release.tag;
      release.name = name ?? release.name;
      release.body = body ?? release.body;
      release.draft = draft ?? release.draft;
      release.prerelease = prerelease ?? release.prerelease;
      if (make_latest === 'true') stored.latest = release.id;
      return show(asked, release);
    },
  };
}

function show({ api }: Asked, found: StoredRelease | undefined, status = 200): Answer {
  return found === undefined ? NOT_FOUND : { status, body: shown(api, found) };
}

function shown(api: string, { id, tag, name, body, draft, prerelease, at }: StoredRelease): object {
  const url = `${api}/releases/${id}`;
  return {
    url,
    html_url: `${url}/page`,
    assets_url: `${url}/assets`,
    upload_url: `${url}/assets{?name,label}`,
    tarball_url: `${api}/tarball/${encodeURIComponent(tag)}`,
    zipball_url: `${api}/zipball/${encodeURIComponent(tag)}`,
    id,
    node_id: nodeId(`release ${id}`),
    tag_name: tag,
    target_commitish: 'main',
    name,
    body,
    draft,
    prerelease,
    created_at: at,
    published_at: draft ? null : at,
    author: user(api, BOT),
    assets: [],
  };
}
