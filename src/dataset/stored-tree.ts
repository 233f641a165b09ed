import { createHash, hash, type Hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type KnownBlob, openBlobCache, saveBlobCache } from './blob-cache.ts';
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
    readEntries(
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

async function readEntries(
  reader: TreeReader,
  entries: readonly StoredEntry[],
  { cache, signal }: StoredOptions,
): Promise<Stored> {
  const odd = entries.find(({ regular }) => !regular);
  if (odd !== undefined) throw notAFile(odd.path);
  const known = cache === undefined ? new Map<string, KnownBlob>() : openBlobCache(cache);
  const missing = [...new Set(entries.map(({ object }) => object))].filter((object) => !known.has(object));
  const fresh = await readBlobs(reader, missing, signal);
  if (cache !== undefined && fresh.size > 0) saveBlobCache(cache, known, fresh);
  const absent: string[] = [];
  const files = entries.map(({ path, object }): DatasetFile => {
    const blob = known.get(object) ?? fresh.get(object);
    if (blob === undefined) throw new Error(`the object ${object} was not read`);
    if (blob.pointer) absent.push(path);
    return { path, size: blob.size, sha256: blob.sha256 };
  });
  const literal = !entries.some(({ path }) => path === IGNORE_FILE || SPEAKS_FOR_OTHERS.test(path));
  return { ...datasetOf(files, absent), literal };
}

/** Fewer files than this are read faster than another process starts. */
const SLICE = 2_000;

/** Many files are read by as many readers as there are processors. */
async function readBlobs(
  reader: TreeReader,
  objects: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Map<string, KnownBlob>> {
  const read = new Map<string, KnownBlob>();
  const count = Math.max(1, Math.min(availableParallelism(), Math.floor(objects.length / SLICE)));
  const size = Math.ceil(objects.length / count);
  const slices = Array.from({ length: count }, (_, index) => objects.slice(index * size, (index + 1) * size));
  await Promise.all(
    slices.map((slice) => {
      const hashing = hasher();
      const onChunk = (index: number, chunk: Uint8Array, last: boolean): void => {
        const blob = hashing(chunk, last);
        if (blob !== undefined) read.set(slice[index] ?? '', blob);
      };
      return reader.contents(slice, onChunk, signal);
    }),
  );
  return read;
}

/** Takes the chunks of one content after the other, and says at the last one what it is. */
function hasher(): (chunk: Uint8Array, last: boolean) => KnownBlob | undefined {
  let digest: Hash | undefined;
  let size = 0;
  return (chunk, last) => {
    if (last && digest === undefined) {
      const pointer = readLfsPointer(chunk);
      const content = pointer ?? { sha256: hash('sha256', chunk), size: chunk.byteLength };
      return { ...content, pointer: pointer !== undefined };
    }
    digest ??= createHash('sha256');
    digest.update(chunk);
    size += chunk.byteLength;
    if (!last) return undefined;
    const whole = { sha256: digest.digest('hex'), size, pointer: false };
    digest = undefined;
    size = 0;
    return whole;
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
