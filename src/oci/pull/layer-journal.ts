import { createReadStream } from 'node:fs';
import { type FileHandle, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isSystemError } from '../../errors.ts';

const CHUNK = 256 * 1024;

/** One entry of a layer that is being unpacked. */
const entrySchema = z.strictObject({
  /** Base64 of the layer's bytes before the entry's content, since the content of the entry before it. */
  raw: z.base64(),
  /** The file that the content goes to, below the folder of files; none for an entry without content. */
  path: z.string().optional(),
  /** Bytes of content. */
  size: z.int().nonnegative(),
});

type JournaledEntry = z.infer<typeof entrySchema>;

/**
 * What is known of a layer whose unpacking may have ended half-way: its entries in order, each written down before its
 * file is, so that the layer's beginning can be put together again from the unpacked files. No byte is kept twice.
 */
export interface LayerJournal extends AsyncDisposable {
  /** Bytes of content that each file of the layer has already, by path. */
  held: ReadonlyMap<string, number>;
  /** Length of the layer's beginning that is here, in bytes. */
  length: number;
  /** The layer's beginning. */
  beginning(): AsyncGenerator<Uint8Array, void, undefined>;
  /** Writes down one more entry; one that is written down already is passed over, in order. */
  add(entry: { raw: Uint8Array; path?: string; size: number }): Promise<void>;
}

/** Length of the layer's beginning that a journal and its files hold, in bytes. */
export async function journaledLength(file: string, files: string): Promise<number> {
  return (await usableEntries(file, files))?.length ?? 0;
}

/** Opens a layer's journal, or begins one; `files` is the folder of its unpacked files. */
export async function openJournal(file: string, files: string): Promise<LayerJournal> {
  const found = await usableEntries(file, files);
  // What cannot be continued is begun again: a power cut may keep a journal and lose what it speaks of.
  if (found === undefined) await rm(file, { force: true });
  const { entries, held, bytes, length } = found ?? { entries: [], held: new Map(), bytes: 0, length: 0 };
  const handle = await open(file, 'a');
  // A last line that was not written whole must not run into the next one.
  await handle.truncate(bytes);
  return journalOf(handle, entries, held, length, files);
}

function journalOf(
  handle: FileHandle,
  entries: JournaledEntry[],
  held: ReadonlyMap<string, number>,
  length: number,
  files: string,
): LayerJournal {
  let added = 0;
  return {
    held,
    length,
    async *beginning() {
      for (const { raw, path } of entries) {
        yield Buffer.from(raw, 'base64');
        const there = path === undefined ? 0 : (held.get(path) ?? 0);
        if (path !== undefined && there > 0)
          yield* createReadStream(join(files, path), { end: there - 1, highWaterMark: CHUNK });
      }
    },
    async add({ raw, ...entry }) {
      if (added++ < entries.length) return;
      await handle.appendFile(`${JSON.stringify({ raw: Buffer.from(raw).toString('base64'), ...entry })}\n`);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

interface UsableEntries {
  entries: JournaledEntry[];
  held: Map<string, number>;
  /** Length of the journal's whole lines. */
  bytes: number;
  length: number;
}

/** The entries that a journal tells of; `undefined` when there are none, or the files do not fit them. */
async function usableEntries(file: string, files: string): Promise<UsableEntries | undefined> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return '';
    throw error;
  });
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const entries = parsedEntries(whole);
  const held = new Map<string, number>();
  let length = 0;
  for (const [index, { raw, path, size }] of entries.entries()) {
    length += Buffer.byteLength(raw, 'base64');
    if (path === undefined) continue;
    const there = await fileSize(join(files, path));
    if (there > size || (there < size && index < entries.length - 1)) return undefined;
    held.set(path, there);
    length += there;
  }
  if (entries.length === 0) return undefined;
  return { entries, held, bytes: Buffer.byteLength(whole), length };
}

function parsedEntries(lines: string): JournaledEntry[] {
  try {
    return lines
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => entrySchema.parse(JSON.parse(line)));
  } catch {
    return [];
  }
}

async function fileSize(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return 0;
    throw error;
  }
}
