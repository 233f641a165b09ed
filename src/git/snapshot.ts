import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import type { StoredEntry, StoredPath, TreeReader } from '../dataset/index.ts';
import { isSystemError } from '../errors.ts';
import type { CodeSnapshot } from '../training/index.ts';
import { catFiles } from './cat-file.ts';
import { git } from './run-git.ts';

/** Everything as of a commit. Throws `git-failed` for a revision that is none. */
export function snapshotOfCommit(top: string, commit: string): CodeSnapshot {
  return snapshot(top, commit, {}, () => Promise.resolve());
}

/**
 * Everything as it would be if all that changed below these paths were committed: untracked files are in it, ignored
 * ones are not. It is made in an index and an object store of its own, so that the repository stays as it is.
 */
export async function snapshotOfChanges(top: string, paths: readonly string[]): Promise<CodeSnapshot> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeloop-snapshot-'));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const objects = await git(top, ['rev-parse', '--path-format=absolute', '--git-path', 'objects']);
    const index = await git(top, ['rev-parse', '--path-format=absolute', '--git-path', 'index']);
    const environment = {
      GIT_INDEX_FILE: join(folder, 'index'),
      GIT_OBJECT_DIRECTORY: join(folder, 'objects'),
      GIT_ALTERNATE_OBJECT_DIRECTORIES: objects,
    };
    await mkdir(environment.GIT_OBJECT_DIRECTORY);
    // With what git knows of each file it needs to read only those that changed.
    await cp(index, environment.GIT_INDEX_FILE).catch((error: unknown) => {
      if (!isSystemError(error, 'ENOENT')) throw error;
    });
    await git(top, ['add', '--all', '--', ...paths], { environment });
    const tree = await git(top, ['write-tree'], { environment });
    return snapshot(top, tree, environment, dispose);
  } catch (error) {
    await dispose();
    throw error;
  }
}

function snapshot(
  top: string,
  revision: string,
  environment: Record<string, string>,
  dispose: () => Promise<void>,
): CodeSnapshot {
  const reader: TreeReader = {
    entries: (object) => entries(top, object, environment),
    contents: (objects, onChunk, signal) =>
      catFiles(top, objects, onChunk, { environment, ...(signal && { signal }) }),
  };
  const found = new Map<string, StoredPath | undefined>();
  return {
    reader,
    async find(paths) {
      const unknown = paths.filter((path) => !found.has(path));
      if (unknown.length > 0) {
        const stored = await find(top, revision, unknown, environment);
        for (const [index, path] of unknown.entries()) found.set(path, stored[index]);
      }
      return paths.map((path) => found.get(path));
    },
    exportTo: (folder, which, signal) => exportTo(top, { revision, environment, which }, folder, signal),
    dispose,
  };
}

async function find(
  top: string,
  revision: string,
  paths: readonly string[],
  environment: Record<string, string>,
): Promise<(StoredPath | undefined)[]> {
  const names = paths.map((path) => inTree(top, path));
  const input = Buffer.from(names.map((name) => `${revision}:${name ?? ''}\n`).join(''));
  const format = '--batch-check=%(objecttype) %(objectname)';
  const listed = await git(top, ['cat-file', format], { environment, input });
  return listed.split('\n').map((line, index): StoredPath | undefined => {
    const [, type, object = ''] = /^(blob|tree) ([0-9a-f]+)$/.exec(line) ?? [];
    if (type === undefined || names[index] === undefined) return undefined;
    return { kind: type === 'tree' ? 'folder' : 'file', object };
  });
}

/** A path as git names it; `undefined` outside the working tree. A line feed would end the question. */
function inTree(top: string, path: string): string | undefined {
  const name = relative(top, path).split(sep).join('/');
  return name === '..' || name.startsWith('../') || name.includes('\n') ? undefined : name;
}

async function entries(
  top: string,
  object: string,
  environment: Record<string, string>,
): Promise<StoredEntry[]> {
  const listed = await git(top, ['ls-tree', '-r', '-z', object], { environment });
  return listed
    .split('\0')
    .filter(Boolean)
    .map((line) => {
      const [, mode = '', blob = '', path = ''] = /^(\d+) \w+ ([0-9a-f]+)\t(.*)$/s.exec(line) ?? [];
      return { path, object: blob, regular: mode.startsWith('100') };
    });
}

async function exportTo(
  top: string,
  {
    revision,
    environment,
    which,
  }: {
    revision: string;
    environment: Record<string, string>;
    which: { only: readonly string[] } | { without: readonly string[] };
  },
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'edgeloop-index-'));
  try {
    const options = {
      environment: { ...environment, GIT_INDEX_FILE: join(scratch, 'index') },
      ...(signal && { signal }),
    };
    // The top itself has no name, and would name everything.
    const names = (paths: readonly string[]) => paths.flatMap((path) => inTree(top, path) || []);
    const checkout = ['checkout-index', '--quiet', `--prefix=${folder}/`];
    await git(top, ['read-tree', revision], options);
    if ('only' in which) {
      const listed = await git(top, ['ls-files', '-z', '--', ...names(which.only)], options);
      await git(top, [...checkout, '-z', '--stdin'], { ...options, input: Buffer.from(listed) });
      return;
    }
    const left = names(which.without);
    if (left.length > 0)
      await git(top, ['rm', '-r', '-q', '--cached', '--ignore-unmatch', '--', ...left], options);
    await git(top, [...checkout, '--all'], options);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
