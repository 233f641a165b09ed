import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { writeCacheFile } from './cache-file.ts';
import type { HashedFile } from './hash-file.ts';

/** What was read of the files below one path before, so that those that did not change need not be read again. */
export interface StatCache {
  /** What is known of a file that has this stamp now; `undefined` when in doubt. */
  find(path: string, stamp: string): Known | undefined;
}

export type Known = Pick<HashedFile, 'sha256' | 'size' | 'absent'>;

/** Ends a file that was written whole. */
const END = 'end';
/**
 * A file that was written so shortly before it was read might be written again within the same tick of its clock and
 * keep its stamp; some file systems count whole seconds, FAT two of them.
 */
const SETTLED_MS = 2_500;

/**
 * Opens the cache of one path. It is not believed when the clock stands before the moment at which it was written, nor
 * when it is torn.
 */
export function openStatCache(folder: string, root: string, nowMs: number): StatCache {
  // Most of a large cache is asked for once: lines are taken apart only then.
  const known = new Map<string, string>();
  const lines = readLines(fileOf(folder, root));
  const writtenMs = Number(lines[0]);
  if (lines.at(-2) === END && writtenMs <= nowMs) {
    for (let index = 1; index < lines.length - 2; index++) {
      const line = lines[index] ?? '';
      const tab = line.indexOf('\t');
      known.set(line.slice(0, tab), line.slice(tab + 1));
    }
  }
  return {
    find(path, stamp) {
      const found = known.get(JSON.stringify(path));
      if (found?.startsWith(`${stamp}\t`) !== true) return undefined;
      const [sha256 = '', size, absent] = found.slice(stamp.length + 1).split('\t');
      return { sha256, size: Number(size), absent: absent === '1' };
    },
  };
}

/** Remembers what was read, but for files that might change unnoticed: those are read again the next time. */
export function saveStatCache(
  folder: string,
  root: string,
  files: Iterable<readonly [path: string, HashedFile]>,
  startedMs: number,
): void {
  const lines = [String(startedMs)];
  for (const [path, { stamp, stampedMs, sha256, size, absent }] of files) {
    if (stampedMs > startedMs - SETTLED_MS) continue;
    lines.push([JSON.stringify(path), stamp, sha256, size, absent ? 1 : 0].join('\t'));
  }
  writeCacheFile(fileOf(folder, root), `${lines.join('\n')}\n${END}\n`);
}

function fileOf(folder: string, root: string): string {
  return join(folder, 'files', createHash('sha256').update(root).digest('hex'));
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
