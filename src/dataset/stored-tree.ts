import { createHash, hash, type Hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { writeCacheFile } from './cache-file.ts';
import { type Dataset, datasetOf } from './dataset.ts';
import { IGNORE_FILE, notAFile } from './list-files.ts';
import { type DatasetFile, manifestDigest } from './manifest.ts';
import { readLfsPointer } from './pointers.ts';

/** A file or folder as a source control system stores it, named by its content. */
export interface StoredPath {
  kind: 'file' | 'folder';
  /** Git's object id of a blob or tree. */
  object: string;
}

/** An entry of a stored folder. */
export interface StoredEntry {
  /** Relative to the folder. */
  path: string;
  object: string;
  /** False for a symbolic link or a submodule. */
  regular: boolean;
}

/** Reads what a source control system stores. `git` implements it. */
export interface TreeReader {
  /** All entries below a folder, at any depth. */
  entries(object: string): Promise<StoredEntry[]>;
  /** Hands over the contents of files, one after the other, each in chunks of which the last one is marked. */
  contents(
    objects: readonly string[],
    onChunk: (index: number, chunk: Uint8Array, last: boolean) => void,
    signal?: AbortSignal,
  ): Promise<void>;
}

export interface StoredOptions {
  /** Folder of the caches; without one everything is read. */
  cache?: string;
  /**
   * Asks for what lies on the disk: the answer is `undefined` when the stored bytes do not say it, since files in the
   * folder are ignored, converted on their way to the disk, or recorded by DVC.
   */
  asOnDisk?: boolean;
  signal?: AbortSignal;
}

/**
 * Names what a source control system stores, under the name that the same files have on a disk (`describeFiles`), and
 * without looking at the disk. `name` is the base name of a file. What was read before is not read again: its object id
 * stands for its content. Throws `dataset-not-a-file` for links.
 */
export async function describeStored(
  reader: TreeReader,
  { kind, object }: StoredPath,
  name: string,
  options: StoredOptions = {},
): Promise<Dataset | undefined> {
  const again = async () =>
    read(
      reader,
      kind === 'file' ? [{ path: name, object, regular: true }] : await reader.entries(object),
      options,
    );
  const { cache } = options;
  // A file's name is not part of its object.
  const id = kind === 'file' ? `${object}-${hash('sha256', name)}` : object;
  const cached = cache === undefined ? undefined : readCached(cache, id);
  const found =
    cache !== undefined && cached !== undefined ? withManifest(cached, cache, again) : await again();
  if (cache !== undefined && cached === undefined) await writeCached(cache, id, found);
  return options.asOnDisk === true && !found.literal ? undefined : found;
}

/** `literal`: the stored bytes are those on the disk. */
type Stored = Dataset & { literal: boolean };

const SPEAKS_FOR_OTHERS = /(^|\/)(\.gitattributes|[^/]*\.dvc)$/;

async function read(
  reader: TreeReader,
  entries: readonly StoredEntry[],
  { signal }: StoredOptions,
): Promise<Stored> {
  const odd = entries.find(({ regular }) => !regular);
  if (odd !== undefined) throw notAFile(odd.path);
  const parts = await Promise.all(slices(entries).map((slice) => readSlice(reader, slice, signal)));
  const files = parts.flatMap((part) => part.files);
  const absent = parts.flatMap((part) => part.absent);
  const literal = !entries.some(({ path }) => path === IGNORE_FILE || SPEAKS_FOR_OTHERS.test(path));
  return { ...datasetOf(files, absent), literal };
}

/** Fewer files than this are read faster than another process starts. */
const SLICE = 2_000;

/** Many files are read by as many readers as there are processors. */
function slices(entries: readonly StoredEntry[]): StoredEntry[][] {
  const count = Math.max(1, Math.min(availableParallelism(), Math.floor(entries.length / SLICE)));
  const size = Math.ceil(entries.length / count);
  return Array.from({ length: count }, (_, index) => entries.slice(index * size, (index + 1) * size));
}

async function readSlice(
  reader: TreeReader,
  entries: readonly StoredEntry[],
  signal: AbortSignal | undefined,
): Promise<{ files: DatasetFile[]; absent: string[] }> {
  const files: DatasetFile[] = [];
  const absent: string[] = [];
  const hashing = hasher(({ pointer, ...content }) => {
    const { path } = entries[files.length] ?? { path: '' };
    files.push({ path, ...content });
    if (pointer) absent.push(path);
  });
  await reader.contents(
    entries.map(({ object }) => object),
    (_, chunk, last) => hashing(chunk, last),
    signal,
  );
  return { files, absent };
}

/** Takes the chunks of one content after the other. */
function hasher(
  done: (result: { sha256: string; size: number; pointer: boolean }) => void,
): (chunk: Uint8Array, last: boolean) => void {
  let digest: Hash | undefined;
  let size = 0;
  return (chunk, last) => {
    if (last && digest === undefined) {
      const pointer = readLfsPointer(chunk);
      const content = pointer ?? { sha256: hash('sha256', chunk), size: chunk.byteLength };
      done({ ...content, pointer: pointer !== undefined });
      return;
    }
    digest ??= createHash('sha256');
    digest.update(chunk);
    size += chunk.byteLength;
    if (!last) return;
    done({ sha256: digest.digest('hex'), size, pointer: false });
    digest = undefined;
    size = 0;
  };
}

const summarySchema = z.strictObject({
  tree: z.string(),
  digest: z.string(),
  files: z.int(),
  bytes: z.int(),
  absent: z.array(z.string()),
  literal: z.boolean(),
});
type Summary = z.infer<typeof summarySchema>;

/** One line: the summary and its checksum, so that a damaged disk is not believed. */
function readCached(folder: string, tree: string): Summary | undefined {
  try {
    const [text = '', sum] = readFileSync(summaryFile(folder, tree), 'utf8').split('\n');
    const summary = summarySchema.parse(JSON.parse(text));
    return sum === hash('sha256', text) && summary.tree === tree ? summary : undefined;
  } catch {
    return undefined;
  }
}

async function writeCached(folder: string, tree: string, dataset: Stored): Promise<void> {
  const { digest, files, bytes, absent, literal } = dataset;
  const text = JSON.stringify({ tree, digest, files, bytes, absent, literal });
  writeCacheFile(manifestFile(folder, digest), await dataset.manifest());
  writeCacheFile(summaryFile(folder, tree), `${text}\n${hash('sha256', text)}\n`);
}

function withManifest(summary: Summary, folder: string, again: () => Promise<Stored>): Stored {
  const { digest, files, bytes, absent, literal } = summary;
  const file = manifestFile(folder, digest);
  const manifest = async () => {
    const kept = readIfThere(file);
    if (kept !== undefined && manifestDigest(kept) === digest) return kept;
    const fresh = await (await again()).manifest();
    writeCacheFile(file, fresh);
    return fresh;
  };
  return { digest, files, bytes, absent, literal, manifest };
}

function readIfThere(file: string): Uint8Array | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

const summaryFile = (folder: string, tree: string) => join(folder, 'trees', tree);
const manifestFile = (folder: string, digest: string) =>
  join(folder, 'manifests', `${digest.slice('sha256:'.length)}.jsonl`);
