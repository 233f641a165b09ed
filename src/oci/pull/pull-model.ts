import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { EdgeloopError, failure, isSystemError } from '../../errors.ts';
import { withLock } from '../../folder-lock.ts';
import { requireRoom, storageFailure } from '../../storage-failure.ts';
import { eachAtOnce } from '../../at-once.ts';
import type { Descriptor, Manifest } from '../descriptor.ts';
import { syncFolder } from '../durable-file.ts';
import { layerName, readModelManifest, whatIsDamaged } from '../model/model-manifest.ts';
import type { TransferSummary } from '../model/modelpack.ts';
import type { Repository, TransferProgress } from '../repository.ts';
import { modelPaths } from './layer-entries.ts';
import { journaledLength, type LayerJournal, openJournal } from './layer-journal.ts';
import { openPartial, type PartialPull, pullPlaces } from './partial-pull.ts';
import { isPulled, writeMarker } from './pull-marker.ts';
import { type PulledFiles, unpackLayer } from './unpack-layer.ts';

export interface PullOptions {
  signal?: AbortSignal;
  onProgress?: (progress: TransferProgress) => void;
  /** Most layers that are fetched at once; default 4. */
  concurrency?: number;
}

/** After these a layer is fetched once more from its beginning: a line may have changed a bit. */
const MENDABLE: ReadonlySet<string> = new Set(['digest-mismatch', 'layer-damaged']);
/** After these nothing of what came is kept. */
const WORTHLESS: ReadonlySet<string> = new Set([...MENDABLE, 'layer-unsafe', 'layer-compressed']);

/**
 * Pulls a model by its manifest's digest into `target`, which then holds its files (`model.onnx`, `edgeloop.json`, ...)
 * directly. Everything is unpacked and checked in a hidden folder beside it that is renamed at the end, so `target` is
 * whole or not there; what an interrupted pull leaves there the next one does not fetch again. A target that is whole
 * for this digest is reused; anything else there is left alone (`target-exists`). Throws `disk-full` before it begins
 * when there is no room, and what reading the registry throws.
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
  const whole = { digest, bytes, transferred: 0, reused: bytes };
  if (await isPulled(place, digest)) return whole;
  await refuseForeignTarget(place, digest);
  try {
    await mkdir(dirname(place), { recursive: true });
    const underLock = async (): Promise<TransferSummary> => {
      // Another process that pulled the same model may have been first.
      if (await isPulled(place, digest)) return whole;
      const received = await pullLayers(repository, manifest, digest, place, options);
      const transferred = received + descriptor.size;
      return { digest, bytes, transferred, reused: Math.max(bytes - transferred, 0) };
    };
    return await withLock(pullPlaces(place).lock, Number.POSITIVE_INFINITY, underLock, options.signal);
  } catch (error) {
    throw storageFailure(error, place);
  }
}

async function pullLayers(
  repository: Repository,
  manifest: Manifest,
  digest: string,
  place: string,
  options: PullOptions,
): Promise<number> {
  const partial = await openPartial(place, digest);
  try {
    const received = await unpackModel(repository, manifest, digest, partial, options);
    await putInPlace(partial, place, digest);
    return received;
  } catch (error) {
    const isWorthless = error instanceof EdgeloopError && WORTHLESS.has(error.code);
    if (isWorthless || (await readdir(partial.files).catch(() => [])).length === 0)
      await rm(partial.folder, { recursive: true, force: true });
    throw error;
  }
}

/** Unpacks all layers and returns the bytes that had to be fetched for it. */
async function unpackModel(
  repository: Repository,
  manifest: Manifest,
  digest: string,
  partial: PartialPull,
  options: PullOptions,
): Promise<number> {
  const files: PulledFiles = { folder: partial.files, paths: modelPaths(), claimed: new Map() };
  const meter = { fetched: 0, bytes: 0, total: layerBytes(manifest) };
  await requireRoom(partial.folder, await missingBytes(partial, manifest));
  const layers = [...manifest.layers.entries()];
  await eachAtOnce(layers, options.concurrency ?? 4, options.signal, async ([index, layer], signal) => {
    const unpack = async (): Promise<void> => {
      await using journal = await openJournal(partial.journal(index), partial.files);
      const source = repository.readBlob(layer, { beginning: journal.beginning(), signal });
      const watched = metered(source, journal, meter, signal, options);
      await unpackLayer(layer, watched, journal, files, layerName(repository, layer));
    };
    try {
      await unpack();
    } catch (error) {
      if (!(error instanceof EdgeloopError) || !MENDABLE.has(error.code)) throw error;
      await forgetLayer(partial, index, layer, files);
      await unpack().catch(async (again: unknown) => {
        throw await whatIsDamaged(repository, layer, again);
      });
    }
  });
  const sizes = [...files.claimed].map(([path, { size }]) => [path, size] as const);
  await writeMarker(partial.files, { digest, files: Object.fromEntries(sizes) });
  await syncTree(partial.files);
  return meter.fetched;
}

interface Meter extends TransferProgress {
  fetched: number;
}

async function* metered(
  source: AsyncIterable<Uint8Array>,
  journal: LayerJournal,
  meter: Meter,
  signal: AbortSignal,
  { onProgress }: PullOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let held = journal.length;
  for await (const chunk of source) {
    signal.throwIfAborted();
    const reused = Math.min(held, chunk.byteLength);
    held -= reused;
    meter.fetched += chunk.byteLength - reused;
    meter.bytes = Math.min(meter.bytes + chunk.byteLength, meter.total);
    onProgress?.({ bytes: meter.bytes, total: meter.total });
    yield chunk;
  }
}

async function forgetLayer(
  partial: PartialPull,
  index: number,
  layer: Descriptor,
  { claimed }: PulledFiles,
): Promise<void> {
  for (const [path, claim] of claimed) if (claim.layer === layer) claimed.delete(path);
  await rm(partial.journal(index), { force: true });
}

/** Bytes that have yet to come. */
async function missingBytes(partial: PartialPull, manifest: Manifest): Promise<number> {
  let missing = layerBytes(manifest);
  for (const index of manifest.layers.keys())
    missing -= await journaledLength(partial.journal(index), partial.files);
  return missing;
}

async function putInPlace(partial: PartialPull, place: string, digest: string): Promise<void> {
  try {
    await rename(partial.files, place);
  } catch (error) {
    if (!isSystemError(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) throw error;
    throw targetExists(place, digest);
  }
  await syncFolder(dirname(place));
  await rm(partial.folder, { recursive: true, force: true });
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
