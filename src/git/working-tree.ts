import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { failure, misuse } from '../errors.ts';
import type { CodeHistory } from '../training/index.ts';
import type { SourceControl, TagEntry } from '../versioning/index.ts';
import { catFiles } from './cat-file.ts';
import { compareTags, fetchMissing } from './origin-tags.ts';
import { git, gitFailed, runGit } from './run-git.ts';
import { snapshotOfChanges, snapshotOfCommit } from './snapshot.ts';
import { unchangedPaths } from './unchanged.ts';

/** What plain git does for the domains that need a source control system. */
export type WorkingTree = SourceControl & CodeHistory;

// Versions are made by a program: the author of the release is who released, as git knows them, or else this.
const FALLBACK_IDENTITY = { name: 'Edgeloop', email: 'edgeloop@localhost' };

/** The git working tree that holds `folder`, or `undefined` outside one. */
export async function openWorkingTree(folder: string): Promise<WorkingTree | undefined> {
  // One question for all that is asked each time. Before the first commit git answers all but the last of it.
  const asked = ['--show-toplevel', '--git-path', 'info/attributes', '--verify', '--quiet', 'HEAD^{commit}'];
  const found = await runGit(folder, ['rev-parse', '--path-format=absolute', ...asked]);
  const [top, attributes = '', headCommit] = found.stdout.toString().split('\n').filter(Boolean);
  if (top === undefined) {
    const repository = findRepository(folder);
    if (repository === undefined) return undefined;
    // Taken for no repository, a damaged or foreign one would cost the model its commit.
    throw misuse(
      'git-unusable',
      `git cannot use ${repository}: ${found.stderr.trim().replaceAll('\n', '\n  ')}`,
      `Mend what git says there; see it with: git -C ${folder} status`,
    );
  }
  return {
    top,
    head: () => head(top, headCommit),
    who: () => knownPerson(top),
    uncommitted: (paths) => uncommitted(top, paths),
    origin: () => origin(top),
    fetchTags: (prefix) => fetchTags(top, prefix),
    tags: (prefix, fileOf) => listTags(top, prefix, fileOf),
    read: (commit, path) => readAt(top, commit, path),
    compareTags: (names) => compareTags(top, names),
    fetchMissing: (names) => fetchMissing(top, names),
    commit: (parent, files, message, date) => commitOnNoBranch(top, { parent, files, message, date }),
    createTag: (tag) => createTag(top, tag),
    unchanged: (paths) => unchangedPaths({ top, attributes }, paths),
    snapshot: (commit) => snapshotOfCommit(top, commit),
    snapshotOfChanges: (paths) => snapshotOfChanges(top, paths),
    revision: (name) => revision(top, name),
    ignores: (paths) => ignores(top, paths),
  };
}

/** The nearest `.git` upward that looks like a repository, or like the link of a worktree to one. */
function findRepository(folder: string): string | undefined {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const path = join(at, '.git');
    const isLink = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
    if (isLink || existsSync(join(path, 'HEAD'))) return path;
    if (at === dirname(at)) return undefined;
  }
}

async function head(top: string, commit: string | undefined): Promise<string> {
  if (commit !== undefined) return commit;
  throw misuse(
    'git-no-commit',
    `${top} has no commit yet`,
    'Commit your files first: git add -A && git commit',
  );
}

async function revision(top: string, name: string): Promise<string> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`];
  const { code, stdout } = await runGit(top, args);
  if (code === 0) return stdout.toString().trim();
  throw misuse(
    'revision-unknown',
    `${top} knows no commit "${name}"`,
    'Fetch it first (git fetch origin), or correct the name.',
  );
}

async function ignores(top: string, paths: readonly string[]): Promise<string[]> {
  const input = Buffer.from(paths.map((path) => `${path}\0`).join(''));
  const args = ['check-ignore', '-z', '--stdin'];
  // check-ignore takes every path literally, and fails when it is told to.
  const environment = { GIT_LITERAL_PATHSPECS: '0' };
  const { code, stdout, stderr } = await runGit(top, args, { input, environment });
  if (code > 1) throw gitFailed(top, args, stderr);
  return stdout.toString().split('\0').filter(Boolean);
}

async function uncommitted(top: string, paths: readonly string[]): Promise<string[]> {
  const args = ['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=all', '--', ...paths];
  const listed = await git(top, args);
  return listed
    .split('\0')
    .filter(Boolean)
    .map((entry) => entry.slice(3));
}

async function fetchTags(top: string, prefix: string): Promise<void> {
  if (!(await hasOrigin(top))) return;
  // With a depth and nothing to fetch, git fails without a word.
  if ((await git(top, ['ls-remote', 'origin', `refs/tags/${prefix}*`])) === '') return;
  // --depth in a complete clone would make it shallow.
  const shallow = (await git(top, ['rev-parse', '--is-shallow-repository'])) === 'true';
  const refspec = `+refs/tags/${prefix}*:refs/tags/${prefix}*`;
  await git(top, ['fetch', '--quiet', '--no-tags', ...(shallow ? ['--depth=1'] : []), 'origin', refspec]);
}

/** One entry of `git for-each-ref`, whose fields end with a NUL: a message has several lines. */
const TAG = /([^\0]+)\0([^\0]*)\0([^\0]*)\0([^\0]*)\0([^\0]*)\0([^\0]*)\0\n?/g;

async function listTags(
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

async function readAt(top: string, commit: string, path: string): Promise<Uint8Array | undefined> {
  const { code, stdout } = await runGit(top, ['cat-file', 'blob', `${commit}:${path}`]);
  return code === 0 ? stdout : undefined;
}

async function setting(top: string, key: string): Promise<string> {
  return (await runGit(top, ['config', key])).stdout.toString().trim();
}

async function knownPerson(top: string): Promise<string | undefined> {
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

interface NewCommit {
  parent: string;
  files: { path: string; bytes: Uint8Array }[];
  message: string;
  date: Date;
}

async function commitOnNoBranch(top: string, { parent, files, message, date }: NewCommit): Promise<string> {
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

async function createTag(
  top: string,
  tag: { name: string; commit: string; message: string },
): Promise<boolean> {
  const ref = `refs/tags/${tag.name}`;
  const readRef = () => runGit(top, ['rev-parse', '--verify', '--quiet', ref]);
  // Asked before anything is pushed: origin would have a tag that this clone cannot take.
  if ((await readRef()).code === 0) return false;
  const body = await tagObject(top, tag);
  const object = await git(top, ['mktag'], { input: Buffer.from(body) });
  const shared = await hasOrigin(top);
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

async function tagObject(
  top: string,
  { name, commit, message }: { name: string; commit: string; message: string },
): Promise<string> {
  const who = await identity(top);
  const when = `${Math.floor(Date.now() / 1000)} +0000`;
  const tagger = `${who['GIT_COMMITTER_NAME']} <${who['GIT_COMMITTER_EMAIL']}> ${when}`;
  return `object ${commit}\ntype commit\ntag ${name}\ntagger ${tagger}\n\n${message}\n`;
}

async function hasOrigin(top: string): Promise<boolean> {
  return (await origin(top)) !== undefined;
}

async function origin(top: string): Promise<string | undefined> {
  const { code, stdout } = await runGit(top, ['remote', 'get-url', 'origin']);
  return code === 0 ? stdout.toString().trim() : undefined;
}
