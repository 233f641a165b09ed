import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { failure, isSystemError } from '../errors.ts';
import type { Manifest } from './descriptor.ts';
import { incomingName, removeAbandoned, syncFolder, writeNewFile } from './durable-file.ts';
import { storageFailure } from '../storage-failure.ts';
import { layerName, readLayer, readModelManifest } from './model-manifest.ts';
import type { TransferSummary } from './modelpack.ts';
import { isPulled, PULL_MARKER, writeMarker } from './pull-marker.ts';
import type { Repository } from './repository.ts';
import { type SafeTarEntry, unsafe } from './tar-reading.ts';

/** How far a pull is, in bytes of layers. */
export interface PullProgress {
  received: number;
  total: number;
}

export interface PullOptions {
  signal?: AbortSignal;
  onProgress?: (progress: PullProgress) => void;
}

/**
 * Pulls a model by its manifest's digest into `target`, which then holds its files (`model.onnx`, `edgeloop.json`, ...)
 * directly. Everything is unpacked and checked in a folder beside it that is renamed at the end, so `target` is whole
 * or not there. A target that is whole for this digest is reused; anything else there is left alone (`target-exists`).
 */
export async function pullModel(
  repository: Repository,
  digest: string,
  target: string,
  options: PullOptions = {},
): Promise<TransferSummary> {
  options.signal?.throwIfAborted();
  const { descriptor, manifest } = await readModelManifest(repository, digest);
  // The configuration says nothing that using the model needs, so it does not travel.
  const bytes = layerBytes(manifest) + descriptor.size;
  const place = resolve(target);
  if (await isPulled(place, digest)) return { digest, bytes, transferred: 0, reused: bytes };
  await refuseForeignTarget(place, digest);

  const parent = dirname(place);
  const prefix = `.${basename(place)}.incoming-`;
  const staging = join(parent, incomingName(prefix));
  try {
    await mkdir(parent, { recursive: true });
    await removeAbandoned(parent, prefix);
    await mkdir(staging);
    await unpackModel(repository, manifest, digest, staging, options);
    await putInPlace(staging, place, digest);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw storageFailure(error, place);
  }
  return { digest, bytes, transferred: bytes, reused: 0 };
}

async function unpackModel(
  repository: Repository,
  manifest: Manifest,
  digest: string,
  staging: string,
  options: PullOptions,
): Promise<void> {
  const files = new Map<string, number>();
  const strip = modelPathStripper();
  const progress = { received: 0, total: layerBytes(manifest) };
  for (const layer of manifest.layers) {
    const where = layerName(repository, layer);
    const source = watched(repository.readBlob(layer), progress, options);
    for await (const entry of readLayer(repository, layer, source)) {
      const path = strip(entry, where);
      if (path === undefined) continue;
      await unpackEntry(entry, staging, path, where);
      if (entry.kind === 'file') files.set(path, entry.size);
    }
  }
  await writeMarker(staging, { digest, files: Object.fromEntries(files) });
  await syncTree(staging);
}

async function unpackEntry(entry: SafeTarEntry, staging: string, path: string, where: string): Promise<void> {
  const place = join(staging, path);
  try {
    await mkdir(entry.kind === 'folder' ? place : dirname(place), { recursive: true });
    if (entry.kind === 'file') await writeNewFile(place, entry.content);
  } catch (error) {
    // The folder is new and ours: only another entry can be in the way.
    if (!isSystemError(error, 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG')) throw error;
    throw unsafe(where, entry.path, 'its name is too long or taken by another entry');
  }
}

async function* watched(
  source: AsyncIterable<Uint8Array>,
  progress: PullProgress,
  options: PullOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    options.signal?.throwIfAborted();
    progress.received += chunk.byteLength;
    options.onProgress?.({ ...progress });
    yield chunk;
  }
}

/**
 * Turns `models/NAME/1/FILE` into `FILE`, with the same NAME throughout; `undefined` for the folders above, a refusal
 * for anything else.
 */
function modelPathStripper(): (entry: SafeTarEntry, where: string) => string | undefined {
  let model: string | undefined;
  return (entry, where) => {
    const [top = '', name = '', version = '', ...rest] = entry.path.split('/');
    const path = rest.join('/');
    model ??= name === '' ? undefined : name;
    const fits = top === 'models' && (name === model || name === '') && (version === '1' || version === '');
    if (!fits || (path === '' && entry.kind === 'file'))
      throw unsafe(where, entry.path, 'it is not below models/NAME/1/');
    if (path === PULL_MARKER) throw unsafe(where, entry.path, 'the name is reserved');
    return path === '' ? undefined : path;
  };
}

async function putInPlace(staging: string, place: string, digest: string): Promise<void> {
  try {
    await rename(staging, place);
  } catch (error) {
    if (!isSystemError(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) throw error;
    // Another process that pulled the same model may have been first.
    if (!(await isPulled(place, digest))) throw targetExists(place, digest);
    await rm(staging, { recursive: true, force: true });
  }
  await syncFolder(dirname(place));
}

async function refuseForeignTarget(place: string, digest: string): Promise<void> {
  const names = await readdir(place).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return [];
    throw isSystemError(error, 'ENOTDIR') ? targetExists(place, digest) : error;
  });
  if (names.length > 0) throw targetExists(place, digest);
}

function targetExists(place: string, digest: string): Error {
  return failure(
    'target-exists',
    `${place} exists and is not a whole copy of ${digest}`,
    `Name another folder, or delete ${place} first.`,
  );
}

async function syncTree(root: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory());
  for (const folder of folders) await syncFolder(join(folder.parentPath, folder.name));
  await syncFolder(root);
}

function layerBytes(manifest: Manifest): number {
  return manifest.layers.reduce((sum, layer) => sum + layer.size, 0);
}
