import { link, lstat, mkdir, mkdtemp, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { failure, isSystemError } from '../../errors.ts';
import { storageFailure } from '../../storage-failure.ts';
import type { NewFile } from './files.ts';

/** Paths of what was written, and of what was there already. */
export interface Written {
  files: string[];
  kept: string[];
}

/**
 * Writes each file that is not there yet, all of them or none: they are made in a folder of their own first, and each
 * appears in one step that overwrites nothing. Throws `not-writable` or `disk-full` with the path.
 */
export async function writeNew(
  top: string,
  wanted: readonly NewFile[],
  signal: AbortSignal,
): Promise<Written> {
  const written: Written = { files: [], kept: [] };
  for (const { path } of wanted) written[(await isThere(top, path)) ? 'kept' : 'files'].push(path);
  const missing = wanted.filter(({ path }) => written.files.includes(path));
  if (missing.length === 0) return written;

  const staging = await mkdtemp(join(top, '.edgeloop-init-')).catch(rethrow(top));
  /** What appeared, and how to make it disappear. */
  const undo: (() => Promise<void>)[] = [];
  try {
    for (const [index, { path, content }] of missing.entries())
      await writeFile(join(staging, String(index)), content).catch(rethrow(join(top, path)));
    for (const [index, { path }] of missing.entries()) {
      signal.throwIfAborted();
      const file = join(top, path);
      const firstMade = await mkdir(dirname(file), { recursive: true }).catch(rethrow(dirname(file)));
      if (firstMade !== undefined) undo.push(() => removeEmpty(dirname(file), firstMade));
      await link(join(staging, String(index)), file).catch(rethrow(file));
      undo.push(() => rm(file));
    }
  } catch (error) {
    for (const step of undo.toReversed()) await step().catch(() => undefined);
    throw error;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return written;
}

/**
 * Whether something is there that is to be kept. Throws for what no file can take the place of, and for a folder on the
 * way that is a symbolic link: what lies behind it may be anything.
 */
async function isThere(top: string, path: string): Promise<boolean> {
  const parts = path.split('/');
  for (let count = 1; count < parts.length; count++) {
    const folder = join(top, ...parts.slice(0, count));
    const found = await lstat(folder).catch(unlessMissing(folder));
    if (found === undefined) return false;
    if (!found.isDirectory()) throw inTheWay(folder, 'is no folder of this repository');
  }
  const file = join(top, path);
  if ((await lstat(file).catch(unlessMissing(file))) === undefined) return false;
  const target = await stat(file).catch(unlessMissing(file));
  if (target?.isFile() !== true) throw inTheWay(file, 'is there and is no file');
  return true;
}

function inTheWay(path: string, what: string): Error {
  return failure(
    'not-writable',
    `${path} ${what}, so that nothing was written`,
    'Move it out of the way, and run edgeloop init again.',
  );
}

function unlessMissing(path: string): (error: unknown) => undefined {
  return (error) => {
    if (!isSystemError(error, 'ENOENT')) throw storageFailure(error, path);
  };
}

function rethrow(path: string): (error: unknown) => never {
  return (error) => {
    throw storageFailure(error, path);
  };
}

/** Removes empty folders from `folder` upward to `last`. */
async function removeEmpty(folder: string, last: string): Promise<void> {
  for (let at = folder; at.length >= last.length; at = dirname(at)) await rmdir(at);
}
