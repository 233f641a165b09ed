import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { type EdgeloopError, failure, messageOf } from '../../errors.ts';
import { quoted, unreadable } from './columns.ts';

const ZIP_MAGIC = 'PK';

/** Opens a zip file for `use`, and closes it. Throws `table-unreadable` and `npz-syntax` for bytes that are not a zip file. */
export async function withZip<Value>(file: string, use: (zip: ZipFile) => Promise<Value>): Promise<Value> {
  const zip = await openZip(file);
  try {
    return await use(zip);
  } finally {
    zip.close();
  }
}

/** The same for whoever closes it. */
export async function openZip(file: string): Promise<ZipFile> {
  try {
    await checkStart(file);
    return await openPromise(file, { autoClose: false });
  } catch (error) {
    throw zipFailure(file, error);
  }
}

/** All entries, in the file's order. Throws `npz-syntax` and `npz-compression`. */
export async function entriesOf(file: string, zip: ZipFile): Promise<Entry[]> {
  try {
    const entries = await Array.fromAsync(zip.eachEntry());
    for (const entry of entries) checkEntry(file, entry);
    return entries;
  } catch (error) {
    throw zipFailure(file, error);
  }
}

/** Takes the next bytes of an entry, as many as are asked for. */
export type Take = (size: number) => Promise<Buffer<ArrayBuffer>>;

/**
 * Reads an entry's bytes in order through `use`, inflated as a stream. Throws `npz-syntax` when it ends early, and, once
 * it was read to its end, when its bytes are not those that were written.
 */
export async function* readEntry<Value>(
  file: string,
  zip: ZipFile,
  entry: Entry,
  use: (take: Take) => AsyncGenerator<Value>,
): AsyncGenerator<Value> {
  let stream: Readable | undefined;
  try {
    stream = await zip.openReadStreamPromise(entry);
    const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
    let rest: Buffer = Buffer.alloc(0);
    let checksum = 0;
    const more = async (): Promise<boolean> => {
      const next = await chunks.next();
      if (next.done) return false;
      rest = next.value;
      checksum = crc32(rest, checksum);
      return true;
    };
    yield* use(async (size) => {
      const taken = Buffer.from(new ArrayBuffer(size));
      let filled = 0;
      while (filled < size) {
        if (rest.length === 0 && !(await more())) throw new Error(`${entry.fileName} ends early`);
        const copied = rest.copy(taken, filled);
        rest = rest.subarray(copied);
        filled += copied;
      }
      return taken;
    });
    while (await more());
    if (checksum !== entry.crc32) throw new Error(`the checksum of ${entry.fileName} differs`);
  } catch (error) {
    throw zipFailure(file, error);
  } finally {
    stream?.destroy();
  }
}

async function checkStart(file: string): Promise<void> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  const start = buffer.toString('latin1', 0, bytesRead);
  if (start.startsWith(ZIP_MAGIC)) return;
  throw syntax(file, `not an NPZ file: it begins with ${quoted(start)} where a zip file begins with "PK"`);
}

function checkEntry(file: string, entry: Entry): void {
  if (!entry.fileName.endsWith('.npy'))
    throw syntax(file, `the file holds ${quoted(entry.fileName)} where only arrays (.npy) were expected`);
  if (entry.canDecodeFileData()) return;
  const how = entry.isEncrypted() ? 'encrypted' : `compressed with the zip method ${entry.compressionMethod}`;
  throw failure(
    'npz-compression',
    `${file}: ${quoted(entry.fileName)} is ${how}, which can't be read here.`,
    'Write the file with numpy.savez or numpy.savez_compressed.',
  );
}

/** Everything that yauzl and zlib stumble over lies in the bytes; an error that is told already stays as it is. */
function zipFailure(file: string, error: unknown): unknown {
  if (!(error instanceof Error) || 'remedy' in error) return error;
  if ('syscall' in error) return unreadable(file, error);
  return syntax(file, `the NPZ file is cut off or damaged: ${messageOf(error)}`, { cause: error });
}

export function syntax(file: string, what: string, options?: ErrorOptions): EdgeloopError {
  return failure(
    'npz-syntax',
    `${file}: ${what}.`,
    'Write the file again with numpy.savez or numpy.savez_compressed, or fetch it again.',
    options,
  );
}
