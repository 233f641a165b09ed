import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { EdgeloopError, failure, refusal } from '../errors.ts';

/** Most bytes between the contents of two entries; tar-stream refuses extended headers over 4 MiB. */
const RAW_LIMIT = 16 * 1024 * 1024;
/** Most files and folders of one tar: neither empty files nor deep paths must fill a disk's inodes. */
const ENTRY_LIMIT = 10_000;

/** An entry whose path is safe below any folder: relative, no "." or "..", "/" between parts, none at the end. */
export interface SafeTarEntry {
  kind: 'file' | 'folder';
  path: string;
  /** Bytes; 0 for a folder. */
  size: number;
  /** Must be read to its end before the next entry is asked for. */
  content: AsyncIterable<Uint8Array>;
  /** The tar's bytes between the content of the entry before and this one's: padding and headers. */
  raw: Uint8Array;
}

/**
 * Reads an uncompressed tar as it streams and refuses (`layer-unsafe`) everything but files and folders with safe
 * paths and at most `maxBytes` of files together; a tar that breaks off is `layer-damaged`.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
  where: string,
): AsyncGenerator<SafeTarEntry, void, undefined> {
  const unpack = extract();
  const origin: Origin = { where };
  const between = keepBetween(where);
  const feeding = pipeline(Readable.from(noticed(between.seen(source), origin)), unpack);
  // The loop below meets the same error; without this Node would report it a second time as unhandled.
  feeding.catch(() => undefined);
  const budget: Budget = { entries: ENTRY_LIMIT, bytes: maxBytes, folders: new Set() };
  try {
    for await (const entry of unpack) {
      const safe = safeEntry(entry.header, budget, where);
      const raw = between.cut(contentStart(entry.header), safe.size);
      yield { ...safe, raw, content: contentOf(entry, origin) };
    }
    await feeding;
  } catch (error) {
    throw explained(error, origin);
  }
}

/** Keeps what flows by, except for the contents of entries. */
function keepBetween(where: string): {
  seen(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined>;
  cut(contentFrom: number, size: number): Uint8Array;
} {
  let kept: Uint8Array = new Uint8Array();
  /** Positions in the tar: of the first byte to keep, and after the last one seen. */
  let start = 0;
  let end = 0;
  return {
    async *seen(source) {
      for await (const chunk of source) {
        const wanted = chunk.subarray(Math.min(Math.max(start - end, 0), chunk.byteLength));
        if (wanted.byteLength > 0) kept = Buffer.concat([kept, wanted]);
        end += chunk.byteLength;
        if (kept.byteLength > RAW_LIMIT)
          throw unsafe(where, '', `more than ${RAW_LIMIT} bytes of it belong to no entry`);
        yield chunk;
      }
    },
    cut(contentFrom, size) {
      const raw = Uint8Array.from(kept.subarray(0, contentFrom - start));
      kept = kept.subarray(Math.min(contentFrom - start + size, kept.byteLength));
      start = contentFrom + size;
      return raw;
    },
  };
}

/** tar-stream gives the position, but not in its types. */
function contentStart(header: Header): number {
  return 'byteOffset' in header && typeof header.byteOffset === 'number' ? header.byteOffset : Number.NaN;
}

/** Which layer is read, and what reading its bytes threw. */
interface Origin {
  where: string;
  thrown?: { error: unknown };
}

async function* noticed<T>(source: AsyncIterable<T>, origin: Origin): AsyncGenerator<T, void, undefined> {
  try {
    yield* source;
  } catch (error) {
    origin.thrown = { error };
    throw error;
  }
}

async function* contentOf(
  entry: AsyncIterable<unknown>,
  origin: Origin,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    // tar-stream's entries are streams of bytes, but are not typed so.
    for await (const chunk of entry) if (chunk instanceof Uint8Array) yield chunk;
  } catch (error) {
    throw explained(error, origin);
  }
}

/** What the source threw, or a refusal, says more than what the tar reader makes of it. */
function explained(error: unknown, { where, thrown }: Origin): unknown {
  if (error instanceof EdgeloopError) return error;
  if (thrown !== undefined) return thrown.error;
  return failure('layer-damaged', `${where} is not a whole tar`, 'Push the model again from its folder.', {
    cause: error,
  });
}

interface Budget {
  entries: number;
  bytes: number;
  /** Those that the entries so far are in. */
  folders: Set<string>;
}

/** An entry costs itself and the folders above it that no entry before it was in. */
function spendEntries(budget: Budget, path: string): void {
  budget.entries -= 1;
  for (
    let end = path.lastIndexOf('/');
    end > 0 && budget.entries >= 0;
    end = path.lastIndexOf('/', end - 1)
  ) {
    const folder = path.slice(0, end);
    if (budget.folders.has(folder)) return;
    budget.folders.add(folder);
    budget.entries -= 1;
  }
}

function safeEntry(header: Header, budget: Budget, where: string): Omit<SafeTarEntry, 'content' | 'raw'> {
  const { name, type, size, pax } = header;
  const isFolder = type === 'directory';
  if (!isFolder && type !== 'file') throw unsafe(where, name, `it is a ${type ?? 'special file'}`);
  if (Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse')))
    throw unsafe(where, name, 'it is sparse');
  if (isFolder && size !== 0) throw unsafe(where, name, 'it is a folder with content');
  const path = safePath(name, where);
  spendEntries(budget, path);
  if (isFolder) budget.folders.add(path);
  budget.bytes -= size;
  if (budget.entries < 0) throw unsafe(where, name, `there are more than ${ENTRY_LIMIT} files and folders`);
  if (budget.bytes < 0)
    throw unsafe(where, name, `it says that it has ${size} bytes, more than the whole layer`);
  return { kind: isFolder ? 'folder' : 'file', path, size };
}

/** A path as it is used below a folder; a refusal (`layer-unsafe`) of one that would leave it. */
export function safePath(name: string, where: string): string {
  if (name.startsWith('/')) throw unsafe(where, name, 'its path is absolute');
  if (name.includes('\0') || name.includes('\\'))
    throw unsafe(where, name, 'its path holds a forbidden character');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw unsafe(where, name, 'its path leads upwards');
  return parts.join('/');
}

/** The refusal of an entry that would do something else than put a file below its target. */
export function unsafe(where: string, path: string, reason: string): EdgeloopError {
  return refusal(
    'layer-unsafe',
    `${where} holds ${JSON.stringify(path)}, which is not unpacked: ${reason}`,
    'Do not use this image; ask whoever made it, and pack the model with "edgeloop push".',
  );
}
