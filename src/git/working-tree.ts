import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { misuse } from '../errors.ts';
import type { CodeHistory } from '../training/index.ts';
import type { SourceControl } from '../versioning/index.ts';
import { compareTags, fetchMissing, fetchTags, originOf } from './origin-tags.ts';
import { git, gitFailed, runGit } from './run-git.ts';
import { snapshotOfChanges, snapshotOfCommit } from './snapshot.ts';
import { unchangedPaths } from './unchanged.ts';
import { commitOnNoBranch, createTag, knownPerson, listTags } from './version-history.ts';

/** What plain git does for the domains that need a source control system. */
export type WorkingTree = SourceControl & CodeHistory;

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
    origin: () => originOf(top),
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

async function readAt(top: string, commit: string, path: string): Promise<Uint8Array | undefined> {
  const { code, stdout } = await runGit(top, ['cat-file', 'blob', `${commit}:${path}`]);
  return code === 0 ? stdout : undefined;
}
