import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { thisBoot } from '../process-owner.ts';
import { type DatasetFile, manifestBytes } from './manifest.ts';
import type { ByteRange, RemoteStore } from './remote-store.ts';

/** A part of a file that is fetched in one go. */
export interface Part extends ByteRange {
  /** Its place among all parts of the download. */
  index: number;
}

/** A file of a download. */
export interface PartialFile {
  file: DatasetFile;
  /** Where it is written. */
  target: string;
  /** In order; at least one. */
  parts: Part[];
}

/** What of a download is here, which the next process goes on with. */
export interface PartialDownload extends AsyncDisposable {
  folder: string;
  /** Becomes the folder of the data when all is there. */
  root: string;
  files: PartialFile[];
  /** Bytes of a part that are here, from its beginning on. */
  held(part: Part): number;
  /** Notes how far a part goes in its file by now. */
  grow(part: Part, position: number): void;
  /** Notes that what is held of a part would survive a power cut. */
  keep(part: Part): void;
  /** Whether a file is whole and was compared with what was listed. */
  isChecked(file: PartialFile): boolean;
  check(file: PartialFile): void;
  /** Forgets what is held of a file. */
  forget(file: PartialFile): void;
}

/** Of a store that gives ranges; large enough that the requests cost nothing, small enough for several at once. */
const PART_BYTES = 16 * 1024 * 1024;

/*
 * The folder: `files`; `plan`, which says of what; and `progress` with a record of 8 bytes for each part: the bytes that
 * are held (48 bits, little-endian), a state, a zero. A record is written after the bytes that it speaks of. The kernel
 * keeps both when a process is killed; what must also survive a power cut is synced first, and has a state.
 */
const RECORD = 8;
const STATE = 6;
const [WRITTEN, SYNCED, CHECKED] = [0, 1, 2];

/** Opens what an earlier process left of the same download, and discards what one of another did. */
export async function openPartial(
  folder: string,
  store: RemoteStore,
  named: readonly { file: DatasetFile; path: string[] }[],
): Promise<PartialDownload> {
  const root = join(folder, 'files');
  let count = 0;
  const files = named.map(({ file, path }) => {
    const parts = rangesOf(file, store).map(({ from, to }): Part => ({ from, to, index: count++ }));
    return { file, target: join(root, ...path), parts };
  });
  const records = await openRecords(folder, root, planOf(store, files), count);
  const handle = await open(join(folder, 'progress'), 'r+');
  const held = ({ index }: Part): number => records.readUIntLE(index * RECORD, STATE);
  const stateOf = ({ index }: Part): number => records.readUInt8(index * RECORD + STATE);
  const write = ({ index }: Part, bytes: number, state: number): void => {
    const at = index * RECORD;
    records.writeUIntLE(bytes, at, STATE);
    records.writeUInt8(state, at + STATE);
    // A few microseconds, where a thread that does it would take many.
    writeSync(handle.fd, records, at, RECORD, at);
  };
  const partial: PartialDownload = {
    folder,
    root,
    files,
    held,
    grow: (part, position) => write(part, position - part.from, WRITTEN),
    keep: (part) => write(part, held(part), SYNCED),
    isChecked: ({ parts }) => parts.every((part) => stateOf(part) === CHECKED),
    check: ({ parts }) => parts.forEach((part) => write(part, held(part), CHECKED)),
    forget: ({ parts }) => parts.forEach((part) => write(part, 0, WRITTEN)),
    [Symbol.asyncDispose]: () => handle.close(),
  };
  for (const file of files) if (!(await fits(file, held))) partial.forget(file);
  return partial;
}

function rangesOf({ size }: DatasetFile, { ranges }: RemoteStore): ByteRange[] {
  if (!ranges || size <= PART_BYTES) return [{ from: 0, to: size }];
  return Array.from({ length: Math.ceil(size / PART_BYTES) }, (_, index) => ({
    from: index * PART_BYTES,
    to: Math.min((index + 1) * PART_BYTES, size),
  }));
}

/** Names what is downloaded, by which parts: what is left of anything else is of no use. */
function planOf(store: RemoteStore, files: readonly PartialFile[]): string {
  const parts = files.map(({ parts: each }) => each.length);
  const head = `${JSON.stringify([store.name, PART_BYTES, parts])}\n`;
  return createHash('sha256')
    .update(head)
    .update(manifestBytes(files.map(({ file }) => file)))
    .digest('hex');
}

/** The records of an earlier process, as far as they are to be believed. */
async function openRecords(folder: string, root: string, plan: string, count: number): Promise<Buffer> {
  const [label, progress] = [join(folder, 'plan'), join(folder, 'progress')];
  const [found, boot] = (await readFile(label, 'utf8').catch(() => '')).split('\n', 2);
  let records = await readFile(progress).catch(() => Buffer.alloc(0));
  const isSame = found === plan && records.length === count * RECORD;
  const here = thisBoot().trim();
  if (isSame && here !== '' && boot === here) return records;
  if (isSame) {
    forgetUnsynced(records);
  } else {
    await rm(folder, { recursive: true, force: true });
    await mkdir(root, { recursive: true });
    records = Buffer.alloc(count * RECORD);
  }
  await writeFile(progress, records, { flush: true });
  await writeFile(label, `${plan}\n${here}\n`);
  return records;
}

function forgetUnsynced(records: Buffer): void {
  for (let at = 0; at < records.length; at += RECORD)
    if (records.readUInt8(at + STATE) === WRITTEN) records.writeUIntLE(0, at, STATE);
}

/** Whether a file is as long as what is held of it says. */
async function fits({ file, target, parts }: PartialFile, held: (part: Part) => number): Promise<boolean> {
  const begun = parts.filter((part) => held(part) > 0);
  if (begun.length === 0) return true;
  const ends = begun.map((part) => (part.from + held(part) > part.to ? Infinity : part.from + held(part)));
  const size = await stat(target).then(
    (found) => found.size,
    () => 0,
  );
  return size <= file.size && size >= Math.max(...ends);
}
