import { z } from 'zod';
import { endpoint, type GitHubClient, parseAnswer } from './client.ts';

/** One of GitHub's releases: a page about a git tag. */
export interface ReleasePage {
  id: number;
  tag: string;
  body: string;
}

export interface NewReleasePage {
  tag: string;
  title: string;
  body: string;
  /** Whether the repository shows it as its latest one. */
  isLatest: boolean;
}

/** The releases of a repository on GitHub. */
export interface ReleasePages {
  repository: string;
  /** All of them; drafts only where the token may write. */
  list(): Promise<ReleasePage[]>;
  find(tag: string): Promise<ReleasePage | undefined>;
  /** Returns false when the tag has one already. */
  create(page: NewReleasePage): Promise<boolean>;
  update(id: number, page: NewReleasePage): Promise<void>;
}

const PER_PAGE = 100;
const pageSchema = z.object({ id: z.number(), tag_name: z.string(), body: z.string().nullish() });

export function openReleasePages(client: GitHubClient): ReleasePages {
  const { at, repository } = client;
  const pages: ReleasePages = {
    repository,
    async list() {
      const found: ReleasePage[] = [];
      for (let page = 1; ; page++) {
        const request = endpoint('GET /repos/{owner}/{repo}/releases', { ...at, per_page: PER_PAGE, page });
        const listed = parseAnswer(z.array(pageSchema), await client.send(request));
        found.push(...listed.map(read));
        if (listed.length < PER_PAGE) return found;
      }
    },
    async find(tag) {
      const request = endpoint('GET /repos/{owner}/{repo}/releases/tags/{tag}', { ...at, tag });
      const answer = await client.send(request, [404]);
      return answer.status === 404 ? undefined : read(parseAnswer(pageSchema, answer));
    },
    async create(page) {
      const request = endpoint('POST /repos/{owner}/{repo}/releases', { ...at, ...written(page) });
      const { status } = await client.send(request, [422]);
      if (status === 201) return true;
      if ((await pages.find(page.tag)) !== undefined) return false;
      // Not because another one has made it meanwhile: GitHub says in its own words why.
      await client.send(request);
      return true;
    },
    async update(release_id, page) {
      const route = 'PATCH /repos/{owner}/{repo}/releases/{release_id}';
      await client.send(endpoint(route, { ...at, release_id, ...written(page) }));
    },
  };
  return pages;
}

function read({ id, tag_name, body }: z.infer<typeof pageSchema>): ReleasePage {
  return { id, tag: tag_name, body: body ?? '' };
}

function written({ tag, title, body, isLatest }: NewReleasePage) {
  const make_latest: 'true' | 'false' = isLatest ? 'true' : 'false';
  return { tag_name: tag, name: title, body, draft: false, prerelease: false, make_latest };
}
