import { z } from 'zod';
import { eachAtOnce } from '../at-once.ts';
import { EdgeloopError, failure } from '../errors.ts';
import type { NewTag, TagEntry, VersionHistory } from '../versioning/index.ts';
import { endpoint, type GitHubClient, parseAnswer } from './client.ts';

/** Who a commit and a tag are of. */
export interface Person {
  name: string;
  email: string;
}

const AT_ONCE = 8;
/** So many tags that a clone lacks are worth a fetch by git. */
const WORTH_A_FETCH = 10;

const sha = z.string().regex(/^[0-9a-f]{40,64}$/);
const refSchema = z.object({ ref: z.string(), object: z.object({ type: z.string(), sha }) });
const tagSchema = z.object({
  object: z.object({ type: z.string(), sha }),
  tagger: z.object({ date: z.string() }),
  message: z.string(),
});
const fileSchema = z.object({ content: z.string(), encoding: z.literal('base64') });
const madeSchema = z.object({ sha });
const commitSchema = z.object({ tree: z.object({ sha }) });

/** What a tag object says; `undefined` when it names no commit. */
type TagObject = Pick<TagEntry, 'commit' | 'date' | 'message'> | undefined;

/** What a clone has of the record. */
export type RecordInClone = Pick<VersionHistory, 'fetchTags' | 'tags'>;

/**
 * The record of versions in a repository on GitHub, over its REST API: needs no clone of any depth, and writes no
 * branch. Which tags there are GitHub says; what they say is read from the clone where it has the same objects, since
 * a workflow's token is good for 1,000 requests an hour and each version costs two. Each is asked for once.
 */
export function openVersionHistory(client: GitHubClient, who: Person, clone?: RecordInClone): VersionHistory {
  const { at, signal } = client;
  const tagObjects = new Map<string, { value: TagObject }>();
  const files = new Map<string, { value: Uint8Array | undefined }>();

  async function readTag(tag_sha: string): Promise<TagObject> {
    const request = endpoint('GET /repos/{owner}/{repo}/git/tags/{tag_sha}', { ...at, tag_sha });
    const { object, tagger, message } = parseAnswer(tagSchema, await client.send(request));
    return object.type === 'commit' ? { commit: object.sha, date: tagger.date, message } : undefined;
  }

  async function readFile(ref: string, path: string): Promise<Uint8Array | undefined> {
    const request = endpoint('GET /repos/{owner}/{repo}/contents/{path}', { ...at, path, ref });
    const answer = await client.send(request, [404]);
    if (answer.status === 404) return undefined;
    return Buffer.from(parseAnswer(fileSchema, answer).content, 'base64');
  }

  async function readTags(prefix: string, fileOf?: (tag: string) => string | undefined): Promise<TagEntry[]> {
    const request = endpoint('GET /repos/{owner}/{repo}/git/matching-refs/{ref}', {
      ...at,
      ref: `tags/${prefix}`,
    });
    const refs = parseAnswer(z.array(refSchema), await client.send(request));
    // GTO ignores lightweight tags, and so do we: anybody's `git tag` makes one by accident.
    const annotated = refs.filter(({ object }) => object.type === 'tag');
    const cloned = await readClone(
      annotated.map(({ object }) => object.sha),
      prefix,
      fileOf,
    );
    const found: (TagEntry | undefined)[] = [];
    await eachAtOnce([...annotated.entries()], AT_ONCE, signal, async ([index, { ref, object }]) => {
      const name = ref.slice('refs/tags/'.length);
      const known = cloned.get(object.sha);
      if (known?.name === name) {
        found[index] = known;
        return;
      }
      const tag = await once(tagObjects, object.sha, () => readTag(object.sha));
      if (tag === undefined) return;
      const path = fileOf?.(name);
      const file =
        path === undefined
          ? undefined
          : await once(files, `${tag.commit}:${path}`, () => readFile(tag.commit, path));
      found[index] = { name, object: object.sha, ...tag, ...(file !== undefined && { file }) };
    });
    return found.filter((entry) => entry !== undefined);
  }

  /** What the clone has of these tag objects, by their ids. */
  async function readClone(
    objects: readonly string[],
    prefix: string,
    fileOf: ((tag: string) => string | undefined) | undefined,
  ): Promise<Map<string, TagEntry>> {
    if (clone === undefined) return new Map();
    const read = async () => new Map((await clone.tags(prefix, fileOf)).map((tag) => [tag.object, tag]));
    const there = await read();
    if (objects.filter((object) => !there.has(object)).length <= WORTH_A_FETCH) return there;
    // Without git's own credentials it only costs more requests.
    await clone.fetchTags(prefix).catch((error: unknown) => {
      if (!(error instanceof EdgeloopError)) throw error;
    });
    return read();
  }

  return {
    // Which tags there are GitHub is asked each time.
    fetchTags: () => Promise.resolve(),
    tags: readTags,
    commit: (parent, added, message, date) => makeCommit(client, who, { parent, added, message, date }),
    createTag: (tag) => makeTag(client, who, tag),
  };
}

async function once<T>(known: Map<string, { value: T }>, key: string, read: () => Promise<T>): Promise<T> {
  const found = known.get(key) ?? { value: await read() };
  known.set(key, found);
  return found.value;
}

interface NewCommit {
  parent: string;
  added: { path: string; bytes: Uint8Array }[];
  message: string;
  date: Date;
}

async function makeCommit(
  client: GitHubClient,
  who: Person,
  { parent, added, message, date }: NewCommit,
): Promise<string> {
  const { at } = client;
  const make = async (request: Parameters<GitHubClient['send']>[0]) =>
    parseAnswer(madeSchema, await client.send(request)).sha;
  const base_tree = await treeOf(client, parent);
  const tree = [];
  for (const { path, bytes } of added) {
    const content = Buffer.from(bytes).toString('base64');
    const blob = await make(
      endpoint('POST /repos/{owner}/{repo}/git/blobs', { ...at, content, encoding: 'base64' }),
    );
    tree.push({ path, mode: '100644', type: 'blob', sha: blob } as const);
  }
  const author = { ...who, date: seconds(date) };
  return make(
    endpoint('POST /repos/{owner}/{repo}/git/commits', {
      ...at,
      // With the line feed that git itself puts at the end.
      message: `${message}\n`,
      tree: await make(endpoint('POST /repos/{owner}/{repo}/git/trees', { ...at, base_tree, tree })),
      parents: [parent],
      author,
      committer: author,
    }),
  );
}

async function treeOf(client: GitHubClient, commit_sha: string): Promise<string> {
  const request = endpoint('GET /repos/{owner}/{repo}/git/commits/{commit_sha}', {
    ...client.at,
    commit_sha,
  });
  const answer = await client.send(request, [404]);
  if (answer.status !== 404) return parseAnswer(commitSchema, answer).tree.sha;
  throw failure(
    'commit-not-pushed',
    `${client.repository} on GitHub has no commit ${commit_sha}, which is checked out here`,
    'Push it first (git push origin HEAD), so that what is released can be found there.',
  );
}

async function makeTag(
  client: GitHubClient,
  who: Person,
  { name, commit, message }: NewTag,
): Promise<boolean> {
  const { at } = client;
  const made = await client.send(
    endpoint('POST /repos/{owner}/{repo}/git/tags', {
      ...at,
      tag: name,
      message: `${message}\n`,
      object: commit,
      type: 'commit',
      tagger: { ...who, date: seconds(new Date()) },
    }),
  );
  const tag = parseAnswer(madeSchema, made).sha;
  const create = endpoint('POST /repos/{owner}/{repo}/git/refs', {
    ...at,
    ref: `refs/tags/${name}`,
    sha: tag,
  });
  const created = await client.send(create, [422]);
  if (created.status === 201) return true;
  const request = endpoint('GET /repos/{owner}/{repo}/git/ref/{ref}', { ...at, ref: `tags/${name}` });
  const existing = await client.send(request, [404]);
  if (existing.status === 404) {
    // A rule of the repository refused it, which GitHub says in its own words.
    await client.send(create);
    return true;
  }
  // Ours when the answer to a first try got lost.
  return parseAnswer(refSchema, existing).object.sha === tag;
}

/** RFC 3339 in whole seconds, which is all that git keeps. */
function seconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}
