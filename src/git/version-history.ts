import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure } from '../errors.ts';
import type { NewTag, TagEntry } from '../versioning/index.ts';
import { catFiles } from './cat-file.ts';
import { originOf } from './origin-tags.ts';
import { git, runGit } from './run-git.ts';

// Versions are made by a program: the author of the release is who released, as git knows them, or else this.
const FALLBACK_IDENTITY = { name: 'Edgeloop', email: 'edgeloop@localhost' };

/** One entry of `git for-each-ref`, whose fields end with a NUL: a message has several lines. */
const TAG = /([^\0]+)\0([^\0]*)\0([^\0]*)\0([^\0]*)\0([^\0]*)\0([^\0]*)\0\n?/g;

/** Annotated tags, with a file at the commits of those for which `fileOf` names one. */
export async function listTags(
  top: string,
  prefix: string,
  fileOf?: (tag: string) => string | undefined,
): Promise<TagEntry[]> {
  const fields = [
    'refname:strip=2',
    'objecttype',
    'objectname',
    '*objectname',
    'creatordate:iso-strict',
    'contents',
  ];
  const format = fields.map((field) => `%(${field})%00`).join('');
  const listed = await git(top, ['for-each-ref', `--format=${format}`, `refs/tags/${prefix}*`]);
  const tags = Array.from(
    listed.matchAll(TAG),
    ([, name = '', type, object = '', commit = '', date = '', message = '']) => {
      // GTO ignores lightweight tags, and so do we: anybody's `git tag` makes one by accident.
      return type === 'tag' ? [{ name, object, commit, date, message }] : [];
    },
  ).flat();
  if (fileOf !== undefined) await addFiles(top, tags, fileOf);
  return tags;
}

/** One git for all of them: one each would take seconds for a thousand versions. */
async function addFiles(
  top: string,
  tags: TagEntry[],
  fileOf: (tag: string) => string | undefined,
): Promise<void> {
  const asked = tags.flatMap((tag) => {
    const path = fileOf(tag.name);
    return path === undefined ? [] : [{ tag, object: `${tag.commit}:${path}` }];
  });
  const objects = asked.map(({ object }) => object);
  const chunks = asked.map((): Uint8Array[] => []);
  const onChunk = (index: number, chunk: Uint8Array, last: boolean): void => {
    const own = chunks[index];
    const tag = asked[index]?.tag;
    if (own === undefined || tag === undefined) return;
    own.push(chunk);
    if (last) tag.file = Buffer.concat(own);
  };
  await catFiles(top, objects, onChunk, { passMissing: true });
}

interface NewCommit {
  parent: string;
  files: { path: string; bytes: Uint8Array }[];
  message: string;
  date: Date;
}

/** Makes a commit that no branch and no working tree knows of. */
export async function commitOnNoBranch(
  top: string,
  { parent, files, message, date }: NewCommit,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeloop-index-'));
  try {
    // An index of its own: neither the user's index nor the working tree is touched.
    const environment = { GIT_INDEX_FILE: join(folder, 'index') };
    await git(top, ['read-tree', parent], { environment });
    for (const { path, bytes } of files) {
      const blob = await git(top, ['hash-object', '-w', '--stdin'], { input: bytes });
      await git(top, ['update-index', '--add', '--cacheinfo', `100644,${blob},${path}`], { environment });
    }
    const tree = await git(top, ['write-tree'], { environment });
    // With the @ it is a time even where a clock stands near 1970.
    const when = `@${Math.floor(date.getTime() / 1000)} +0000`;
    const dates = { GIT_AUTHOR_DATE: when, GIT_COMMITTER_DATE: when };
    const who = await identity(top);
    return await git(top, ['commit-tree', tree, '-p', parent, '-m', message], {
      environment: { ...who, ...dates },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Creates an annotated tag, on `origin` first when there is one; false when that name is taken. */
export async function createTag(top: string, tag: NewTag): Promise<boolean> {
  const ref = `refs/tags/${tag.name}`;
  const readRef = () => runGit(top, ['rev-parse', '--verify', '--quiet', ref]);
  // Asked before anything is pushed: origin would have a tag that this clone cannot take.
  if ((await readRef()).code === 0) return false;
  const body = await tagObject(top, tag);
  const object = await git(top, ['mktag'], { input: Buffer.from(body) });
  const shared = (await originOf(top)) !== undefined;
  if (shared) {
    // An empty expected value: the push succeeds only if origin has no such tag.
    const pushed = await runGit(top, [
      'push',
      '--quiet',
      '--porcelain',
      `--force-with-lease=${ref}:`,
      'origin',
      `${object}:${ref}`,
    ]);
    if (pushed.code !== 0) {
      if (/\[rejected\]|stale info|already exists/.test(`${pushed.stdout}${pushed.stderr}`)) return false;
      throw failure(
        'git-push-failed',
        `the tag ${tag.name} could not be pushed to origin: ${pushed.stderr.trim()}`,
        'Check that you may push tags to origin, then run the command again.',
      );
    }
  }
  const zero = '0'.repeat(object.length);
  const created = await runGit(top, ['update-ref', ref, object, zero]);
  if (created.code === 0) return true;
  const existing = await readRef();
  // Who won at origin may find that another one has fetched the tag into this clone meanwhile.
  if (existing.code === 0) return shared && existing.stdout.toString().trim() === object;
  throw failure(
    'git-failed',
    `git could not create the tag ${tag.name}: ${created.stderr.trim()}`,
    'Check the permissions of the .git folder.',
  );
}

async function tagObject(top: string, { name, commit, message }: NewTag): Promise<string> {
  const who = await identity(top);
  const when = `${Math.floor(Date.now() / 1000)} +0000`;
  const tagger = `${who['GIT_COMMITTER_NAME']} <${who['GIT_COMMITTER_EMAIL']}> ${when}`;
  return `object ${commit}\ntype commit\ntag ${name}\ntagger ${tagger}\n\n${message}\n`;
}

async function setting(top: string, key: string): Promise<string> {
  return (await runGit(top, ['config', key])).stdout.toString().trim();
}

/** Who works here, as git knows them: `NAME <ADDRESS>`. */
export async function knownPerson(top: string): Promise<string | undefined> {
  const [name, email] = [await setting(top, 'user.name'), await setting(top, 'user.email')];
  return [name, ...(email === '' ? [] : [`<${email}>`])].filter(Boolean).join(' ') || undefined;
}

async function identity(top: string): Promise<Record<string, string>> {
  const name = (await setting(top, 'user.name')) || FALLBACK_IDENTITY.name;
  const email = (await setting(top, 'user.email')) || FALLBACK_IDENTITY.email;
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
  };
}
