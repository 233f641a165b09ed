import { createHash, hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeCacheFile } from './cache-file.ts';
import type { HashedFile, Stamp } from './hash-file.ts';

export type Known = Pick<HashedFile, 'sha256' | 'size' | 'absent'>;

/** What all files of a path add up to. */
export interface Summary {
  digest: string;
  bytes: number;
  absent: string[];
}

/** What was read of the files below one path before, so that those that did not change need not be read again. */
export interface StatCache {
  /** Number of files that are known. */
  readonly count: number;
  /** What these files add up to when there is no other; `undefined` when some file was not remembered. */
  readonly summary: Summary | undefined;
  /** Whether the files that are asked for, one after the other, are those that are known, in their order. */
  isNext(path: string, stamp: Stamp): boolean;
  /** What is known of a file that has this stamp now; `undefined` when in doubt. */
  find(path: string, stamp: Stamp): Known | undefined;
}

/**
 * A file that was written so shortly before it was read might be written again within the same tick of its clock and
 * keep its stamp; some file systems count whole seconds, FAT two of them.
 */
const SETTLED_MS = 2_500;

/*
 * A cache file: a line of JSON; the paths, NUL between them; for each path six numbers (float64, as the processor has
 * them); for each path its SHA-256. Texts would take longer to write and to read than the files' stamps to be asked.
 */
const headerSchema = z.strictObject({
  /** When the reading began, in milliseconds. */
  startedMs: z.number(),
  count: z.int().nonnegative(),
  namesBytes: z.int().nonnegative(),
  summary: z
    .strictObject({ digest: z.string(), bytes: z.number(), absent: z.array(z.string()) })
    .exactOptional(),
  /** Of all that follows. */
  sha256: z.string(),
});
const NUMBERS = 6;
const DIGEST_BYTES = 32;

/**
 * Opens the cache of one path. It is not believed when the clock stands before the moment at which it was written, nor
 * when it is damaged.
 */
export function openStatCache(folder: string, root: string, nowMs: number): StatCache {
  const stored = readStored(fileOf(folder, root));
  if (stored === undefined || stored.startedMs > nowMs) return NOTHING;
  const { names, numbers, digests, summary } = stored;
  const isStamped = (place: number, { size, mtimeMs, ctimeMs, ino }: Stamp): boolean => {
    const at = place * NUMBERS;
    return (
      numbers[at] === size &&
      numbers[at + 1] === mtimeMs &&
      numbers[at + 2] === ctimeMs &&
      numbers[at + 3] === ino
    );
  };
  let asked = 0;
  let places: Map<string, number> | undefined;
  let next = 0;
  // Files are asked for in the order in which they were stored, as long as none was added or removed.
  const placeOf = (path: string): number | undefined => {
    if (names[next] === path) return next++;
    places ??= new Map(names.map((name, place) => [name, place]));
    const place = places.get(path);
    if (place !== undefined) next = place + 1;
    return place;
  };
  return {
    count: names.length,
    summary,
    isNext: (path, stamp) => names[asked] === path && isStamped(asked++, stamp),
    find(path, stamp) {
      const place = placeOf(path);
      if (place === undefined || !isStamped(place, stamp)) return undefined;
      const sha256 = digests.toString('hex', place * DIGEST_BYTES, (place + 1) * DIGEST_BYTES);
      const at = place * NUMBERS;
      return { sha256, size: numbers[at + 4] ?? 0, absent: numbers[at + 5] === 1 };
    },
  };
}

const NOTHING: StatCache = { count: 0, summary: undefined, isNext: () => false, find: () => undefined };

/** Remembers what was read, but for files that might change unnoticed: those are read again the next time. */
export function saveStatCache(
  folder: string,
  root: string,
  files: ReadonlyMap<string, HashedFile>,
  summary: Summary,
  startedMs: number,
): void {
  const settled = [...files].filter(
    ([, { stamp }]) => Math.max(stamp.mtimeMs, stamp.ctimeMs) <= startedMs - SETTLED_MS,
  );
  const names = Buffer.from(settled.map(([path]) => path).join('\0'));
  const numbers = new Float64Array(settled.length * NUMBERS);
  const digests = Buffer.alloc(settled.length * DIGEST_BYTES);
  for (const [place, [, { stamp, sha256, size, absent }]] of settled.entries()) {
    const { size: stampedSize, mtimeMs, ctimeMs, ino } = stamp;
    numbers.set([stampedSize, mtimeMs, ctimeMs, ino, size, absent ? 1 : 0], place * NUMBERS);
    digests.write(sha256, place * DIGEST_BYTES, 'hex');
  }
  const body = Buffer.concat([names, new Uint8Array(numbers.buffer), digests]);
  const header = {
    startedMs,
    count: settled.length,
    namesBytes: names.length,
    ...(settled.length === files.size && { summary }),
    sha256: hash('sha256', body),
  };
  writeCacheFile(fileOf(folder, root), Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body]));
}

function fileOf(folder: string, root: string): string {
  return join(folder, 'files', createHash('sha256').update(root).digest('hex'));
}

function readStored(file: string) {
  try {
    const bytes = readFileSync(file);
    const end = bytes.indexOf('\n');
    const header = headerSchema.parse(JSON.parse(bytes.toString('utf8', 0, end)));
    const body = bytes.subarray(end + 1);
    if (hash('sha256', body) !== header.sha256) return undefined;
    const { startedMs, count, namesBytes, summary } = header;
    const numbersEnd = namesBytes + count * NUMBERS * Float64Array.BYTES_PER_ELEMENT;
    const names = count === 0 ? [] : body.toString('utf8', 0, namesBytes).split('\0');
    // A copy, since the numbers begin wherever the names end.
    const numbers = new Float64Array(Uint8Array.from(body.subarray(namesBytes, numbersEnd)).buffer);
    return { startedMs, names, numbers, digests: body.subarray(numbersEnd), summary };
  } catch {
    return undefined;
  }
}
