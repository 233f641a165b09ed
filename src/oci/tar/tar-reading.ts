import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { EdgeloopError, failure } from '../../errors.ts';
import { type PathCount, pathCount, safePath, unsafe } from './safe-path.ts';

/** Most bytes between the contents of two entries; tar-stream refuses extended headers over 4 MiB. */
const RAW_LIMIT = 16 * 1024 * 1024;

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
 * paths and at most `maxBytes` of files together; a tar that breaks off is `layer-damaged`. `countPath` is shared by tars
 * that are unpacked into one folder.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
  where: string,
  countPath: PathCount = pathCount(),
): AsyncGenerator<SafeTarEntry, void, undefined> {
  const unpack = extract();
  const origin: Origin = { where };
  const between = keepBetween(where);
  const feeding = pipeline(Readable.from(noticed(between.seen(source), origin)), unpack);
  // The loop below meets the same error; without this Node would report it a second time as unhandled.
  feeding.catch(() => undefined);
  const budget = { bytes: maxBytes, countPath };
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

function safeEntry(
  header: Header,
  budget: { bytes: number; countPath: PathCount },
  where: string,
): Omit<SafeTarEntry, 'content' | 'raw'> {
  const { name, type, size, pax } = header;
  const isFolder = type === 'directory';
  if (!isFolder && type !== 'file') throw unsafe(where, name, `it is a ${type ?? 'special file'}`);
  if (Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse')))
    throw unsafe(where, name, 'it is sparse');
  if (isFolder && size !== 0) throw unsafe(where, name, 'it is a folder with content');
  const path = safePath(name, where);
  budget.countPath(path, isFolder ? 'folder' : 'file', where);
  budget.bytes -= size;
  if (budget.bytes < 0)
    throw unsafe(where, name, `it says that it has ${size} bytes, more than the whole layer`);
  return { kind: isFolder ? 'folder' : 'file', path, size };
}
