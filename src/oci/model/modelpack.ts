import { CARD_FILE, MODEL_FILE } from '../../onnx/index.ts';
import { encodeJson, sortedByKey } from '../canonical-json.ts';
import type { Descriptor } from '../descriptor.ts';
import { digestOf, digestOfStream } from '../digest.ts';
import { streamOf } from '../durable-file.ts';
import {
  ANNOTATION,
  MODEL_CONFIG,
  MODEL_FILEPATH,
  MODEL_MANIFEST,
  OCI_MANIFEST,
  TITLE,
} from '../media-types.ts';
import { checkModelName } from './model-name.ts';
import { type LayerPlan, listModelFiles, planLayers } from './model-files.ts';
import { pushBlobs, type PushBlobsOptions } from '../push-blobs.ts';
import type { BlobSource, Repository } from '../repository.ts';
import { tagExists } from '../tag-errors.ts';
import { writeTar } from '../tar/tar-writing.ts';

/** A model folder as ModelPack: what would be pushed, with its digest, before anything is written. */
export interface PackedModel {
  /** The manifest's: its digest is the model's identity. */
  descriptor: Descriptor;
  manifest: Uint8Array;
  /** Configuration and layers; layers are streamed from the folder each time they are opened. */
  blobs: BlobSource[];
  /** Manifest and blobs together. */
  bytes: number;
}

/** What moved: `bytes` = `transferred` + `reused`, unless a cut made it necessary to send something twice. */
export interface TransferSummary {
  digest: string;
  bytes: number;
  transferred: number;
  reused: number;
}

/** The folder inside layers and images that holds a model's files, with "/" at its end (DESIGN §4 Image). */
function modelPrefix(model: string): string {
  return `models/${model}/1/`;
}

/**
 * Packs a model folder as CNCF ModelPack (model-spec 0.0.7, docs/spec.md and docs/config.md). The same files give the
 * same digest on every machine and day: neither order, times, owners nor modes of the files count. `card` is that of a
 * folder without one.
 */
export async function packModel(
  folder: string,
  options: { model: string; annotations?: Record<string, string>; card?: Uint8Array },
): Promise<PackedModel> {
  checkModelName(options.model);
  const { card } = options;
  const files = await listModelFiles(folder);
  if (card !== undefined) files.push({ path: CARD_FILE, size: card.byteLength, open: () => streamOf(card) });
  const plans = planLayers(files);
  const layers: BlobSource[] = [];
  for (const plan of plans) layers.push(await layerOf(plan, modelPrefix(options.model)));
  const config = configBlob(options.model, layers, plans);
  const manifest = encodeJson({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: MODEL_MANIFEST,
    config: config.descriptor,
    layers: layers.map((layer) => layer.descriptor),
    annotations: sortedByKey({
      [TITLE]: options.model,
      [ANNOTATION.model]: options.model,
      ...options.annotations,
    }),
  });
  const blobs = [config, ...layers];
  return {
    descriptor: {
      mediaType: OCI_MANIFEST,
      digest: digestOf(manifest),
      size: manifest.byteLength,
      artifactType: MODEL_MANIFEST,
    },
    manifest,
    blobs,
    bytes: blobs.reduce((sum, blob) => sum + blob.descriptor.size, manifest.byteLength),
  };
}

/** Stores a packed model: blobs, then the manifest, its tag last. Throws `tag-exists` for a tag that names another. */
export async function pushModel(
  repository: Repository,
  packed: PackedModel,
  { concurrency, onProgress, ...naming }: { tag?: string; moveTag?: boolean } & PushBlobsOptions = {},
): Promise<TransferSummary> {
  const { tag, moveTag = false } = naming;
  // Before anything is sent: it is checked again when the tag is set.
  const named = tag === undefined || moveTag ? undefined : await repository.resolve(tag);
  if (tag !== undefined && named !== undefined && named.digest !== packed.descriptor.digest)
    throw tagExists(repository.name, tag, named.digest, packed.descriptor);
  let transferred = await pushBlobs(repository, packed.blobs, { concurrency, onProgress });
  const { digest } = packed.descriptor;
  if ((await repository.readManifest(digest)) === undefined) transferred += packed.manifest.byteLength;
  await repository.writeManifest(packed.manifest, naming);
  return { digest, bytes: packed.bytes, transferred, reused: Math.max(0, packed.bytes - transferred) };
}

async function layerOf(plan: LayerPlan, prefix: string): Promise<BlobSource> {
  const files = plan.files.map((file) => ({ ...file, path: prefix + file.path }));
  const open = (): AsyncIterable<Uint8Array> => writeTar(files);
  const { digest, size } = await digestOfStream(open());
  const [only, ...others] = files;
  const filepath = only !== undefined && others.length === 0 ? only.path : prefix.slice(0, -1);
  return {
    descriptor: {
      mediaType: plan.mediaType,
      digest,
      size,
      // Without a title `oras pull` passes over a layer.
      annotations: { [MODEL_FILEPATH]: filepath, [TITLE]: `${filepath}.tar` },
    },
    open,
  };
}

function configBlob(model: string, layers: BlobSource[], plans: LayerPlan[]): BlobSource {
  const isOnnx = plans.some((plan) => plan.files.some((file) => file.path === MODEL_FILE));
  const bytes = encodeJson({
    descriptor: { name: model },
    // Layers are not compressed, so that a layer's digest is its diff id too.
    modelfs: { type: 'layers', diffIds: layers.map((layer) => layer.descriptor.digest) },
    config: isOnnx ? { format: 'onnx' } : {},
  });
  return {
    descriptor: { mediaType: MODEL_CONFIG, digest: digestOf(bytes), size: bytes.byteLength },
    open: () => streamOf(bytes),
  };
}
