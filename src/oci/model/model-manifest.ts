import { EdgeloopError, failure, refusal } from '../../errors.ts';
import { type Descriptor, type Manifest, manifestSchema } from '../descriptor.ts';
import { digestOf, digestOfStream } from '../digest.ts';
import { parseManifest } from '../manifest-reading.ts';
import { MODEL_FILEPATH, MODEL_MANIFEST } from '../media-types.ts';
import type { Repository } from '../repository.ts';
import { readTar, type SafeTarEntry } from '../tar/tar-reading.ts';

/** Most layers of a model that is read. */
const LAYER_LIMIT = 1000;
/** Longest file that `readPackedFile` holds in memory, bytes. */
const FILE_LIMIT = 64 * 1024 * 1024;

/** A ModelPack manifest that was read by its digest. */
export interface ModelManifest {
  descriptor: Descriptor;
  manifest: Manifest;
}

/**
 * Reads a ModelPack manifest by digest. Throws `model-missing`, `digest-mismatch`, `manifest-invalid`, `not-a-model`
 * for another artifact type, and `too-many-layers` over 1,000.
 */
export async function readModelManifest(repository: Repository, digest: string): Promise<ModelManifest> {
  const where = `${repository.name}@${digest}`;
  const found = await repository.readManifest(digest);
  if (found === undefined) {
    throw failure(
      'model-missing',
      `${where} does not exist`,
      'Check registry, model and digest, and push it if it is not there yet.',
    );
  }
  if (digestOf(found.bytes) !== digest) {
    throw failure(
      'digest-mismatch',
      `${where} came with the digest ${digestOf(found.bytes)}`,
      'Push the model again.',
    );
  }
  const manifest = parseManifest(manifestSchema, found.bytes, where);
  if (manifest.artifactType !== MODEL_MANIFEST) {
    throw refusal(
      'not-a-model',
      `${where} is ${manifest.artifactType ?? 'an image'}, not ${MODEL_MANIFEST}`,
      'Name the ModelPack manifest, such as the tag X.Y.Z-model.',
    );
  }
  if (manifest.layers.length > LAYER_LIMIT) {
    throw refusal(
      'too-many-layers',
      `${where} has ${manifest.layers.length} layers; a model has at most ${LAYER_LIMIT}`,
      'Pack the model with fewer files.',
    );
  }
  return { descriptor: found.descriptor, manifest };
}

/**
 * One small file of a model (the card, golden samples) by its path in the model folder, without fetching the weights.
 * Throws `model-file-missing`.
 */
export async function readPackedFile(
  repository: Repository,
  manifestDigest: string,
  file: string,
): Promise<Uint8Array> {
  const { manifest } = await readModelManifest(repository, manifestDigest);
  for (const layer of manifest.layers) {
    if (!mayHold(layer, file)) continue;
    const bytes = await fileInLayer(repository, layer, file);
    if (bytes !== undefined) return bytes;
  }
  throw failure(
    'model-file-missing',
    `${repository.name}@${manifestDigest} holds no small file ${file}`,
    'Check the name, and pack the model again if the file should be there.',
  );
}

/** The layer's annotation names its one file, or the folder of several. */
function mayHold(layer: Descriptor, file: string): boolean {
  const path = layer.annotations?.[MODEL_FILEPATH] ?? '';
  return layer.size <= FILE_LIMIT && (/^models\/[^/]+\/1$/.test(path) || pathInModel(path) === file);
}

async function fileInLayer(
  repository: Repository,
  layer: Descriptor,
  file: string,
): Promise<Uint8Array | undefined> {
  let bytes: Uint8Array | undefined;
  // Read to the end, since only the end proves the digest.
  for await (const entry of readLayer(repository, layer)) {
    const chunks = await Array.fromAsync(entry.content);
    if (entry.kind === 'file' && pathInModel(entry.path) === file) bytes = Buffer.concat(chunks);
  }
  return bytes;
}

/** The entries of a layer. */
async function* readLayer(
  repository: Repository,
  layer: Descriptor,
): AsyncGenerator<SafeTarEntry, void, undefined> {
  try {
    yield* readTar(repository.readBlob(layer), layer.size, layerName(repository, layer));
  } catch (error) {
    throw await whatIsDamaged(repository, layer, error);
  }
}

/**
 * What to report of a layer that could not be read: what is no tar is read once more as a blob, and if its digest is
 * wrong, that is the error.
 */
export async function whatIsDamaged(
  repository: Repository,
  layer: Descriptor,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof EdgeloopError) || error.code !== 'layer-damaged') return error;
  return digestOfStream(repository.readBlob(layer)).then(
    () => error,
    (reason: unknown) => reason,
  );
}

/** A layer as messages name it. */
export function layerName(repository: Repository, layer: Descriptor): string {
  return `layer ${layer.digest} of ${repository.name}`;
}

function pathInModel(path: string): string | undefined {
  return /^models\/[^/]+\/1\/(.+)$/.exec(path)?.[1];
}
