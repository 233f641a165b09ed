import { failure } from '../../errors.ts';
import { ARCHITECTURES, type BaseImage, type ImagePlatform } from './base-image.ts';
import { type Descriptor, digestSchema, indexSchema } from '../descriptor.ts';
import { digestOf } from '../digest.ts';
import { streamOf } from '../durable-file.ts';
import { parseManifest } from '../manifest-reading.ts';
import {
  ANNOTATION,
  BASE_DIGEST,
  BASE_NAME,
  MODEL_FILEPATH,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
  TITLE,
} from '../media-types.ts';
import { readModelManifest } from '../model/model-manifest.ts';
import { encodeJson, sortedByKey } from '../canonical-json.ts';
import { pushBlobs, type PushBlobsOptions } from '../push-blobs.ts';
import type { BlobSource, Repository } from '../repository.ts';

/** What an image without a base begins with. */
const NOTHING: ImagePlatform[] = ARCHITECTURES.map((architecture) => ({
  os: 'linux',
  architecture,
  // No time of creation: it would make the digest depend on the day.
  config: { architecture, os: 'linux', config: {}, rootfs: {} },
  diffIds: [],
  layers: [],
}));
/** Tags that follow the newest version: X and X.Y. All others stay where they are. */
const MOVING_TAG = /^\d+(?:\.\d+)?$/;

/** A document with its descriptor. */
export interface Content {
  descriptor: Descriptor;
  bytes: Uint8Array;
}

/** The runnable image of one version: an index, and a manifest and a configuration per architecture. */
export interface BuiltImage {
  /** Layers of the base, which are to be copied from its repository; the model's are there already. */
  baseLayers: BlobSource[];
  index: Content;
  manifests: Content[];
  configs: Content[];
}

/** What a runnable image says of itself. */
export interface ImageFacts {
  /** The index's. */
  descriptor: Descriptor;
  version: string;
  /** Digest of the ModelPack manifest whose layers it shares. */
  modelManifest: string;
  annotations: Record<string, string>;
}

/**
 * Builds the runnable image of a released model (DESIGN §4 Image): the ModelPack manifest's own layers as an OCI image
 * for amd64 and arm64, or on a base for those of them that it has. Writes nothing, and the same inputs give the same
 * digest. Annotations of the model are kept; those given win.
 */
export async function buildImage(
  repository: Repository,
  modelDescriptor: Pick<Descriptor, 'digest'>,
  options: { model: string; version: string; base?: BaseImage; annotations?: Record<string, string> },
): Promise<BuiltImage> {
  const { base } = options;
  const { manifest } = await readModelManifest(repository, modelDescriptor.digest);
  const annotations = sortedByKey({
    ...manifest.annotations,
    [TITLE]: options.model,
    'org.opencontainers.image.version': options.version,
    ...options.annotations,
    ...(base && { [BASE_NAME]: base.name, [BASE_DIGEST]: base.digest }),
    [ANNOTATION.model]: options.model,
    [ANNOTATION.version]: options.version,
    [ANNOTATION.modelManifest]: modelDescriptor.digest,
  });
  const built = (base?.platforms ?? NOTHING).map((platform) =>
    imageFor(platform, manifest.layers, annotations),
  );
  const index = content(OCI_INDEX, {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: built.map((image) => ({ ...image.manifest.descriptor, platform: image.platform })),
    annotations,
  });
  return {
    baseLayers: base === undefined ? [] : layersOf(base),
    index,
    manifests: built.map((image) => image.manifest),
    configs: built.map((image) => image.config),
  };
}

/**
 * Stores an image whose model is in the repository already: what is missing of its base, manifests, tags last. X and X.Y
 * move, any other tag does not.
 */
export async function pushImage(
  repository: Repository,
  image: BuiltImage,
  tags: string[],
  { moveTag = false, ...options }: PushBlobsOptions & { moveTag?: boolean } = {},
): Promise<Descriptor> {
  await pushBlobs(repository, [...image.baseLayers, ...image.configs.map(blobOf)], options);
  for (const manifest of image.manifests) await repository.writeManifest(manifest.bytes);
  const descriptor = await repository.writeManifest(image.index.bytes);
  for (const tag of tags) {
    await repository.writeManifest(image.index.bytes, { tag, moveTag: moveTag || MOVING_TAG.test(tag) });
  }
  return descriptor;
}

/** What the runnable image under a tag (or digest) says of itself; `undefined` when there is none. */
export async function readImage(repository: Repository, tag: string): Promise<ImageFacts | undefined> {
  const found = await repository.readManifest(tag);
  if (found === undefined) return undefined;
  const where = `${repository.name} ${tag}`;
  const annotations = parseManifest(indexSchema, found.bytes, where).annotations ?? {};
  const version = annotations[ANNOTATION.version];
  const modelManifest = annotations[ANNOTATION.modelManifest];
  if (
    version === undefined ||
    !digestSchema.safeParse(modelManifest).success ||
    modelManifest === undefined
  ) {
    throw failure(
      'not-an-image',
      `${where} lacks the annotations ${ANNOTATION.version} and ${ANNOTATION.modelManifest}`,
      'Name a version that "edgeloop release" made.',
    );
  }
  return { descriptor: found.descriptor, version, modelManifest, annotations };
}

function imageFor(
  base: ImagePlatform,
  modelLayers: Descriptor[],
  annotations: Record<string, string>,
): { platform: NonNullable<Descriptor['platform']>; config: Content; manifest: Content } {
  const { os, architecture, variant, history } = base;
  const layers = modelLayers.map(({ digest, size }) => ({ mediaType: OCI_LAYER, digest, size }));
  // The model's layers are not compressed, so that a layer's digest is its diff id too.
  const diffIds = [...base.diffIds, ...layers.map(({ digest }) => digest)];
  const config = content(OCI_CONFIG, {
    ...base.config,
    rootfs: { type: 'layers', diff_ids: diffIds },
    ...(history && { history: [...history, ...modelLayers.map(historyOf)] }),
  });
  const manifest = content(OCI_MANIFEST, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: config.descriptor,
    layers: [...base.layers, ...layers],
    annotations,
  });
  const platform = { architecture, os, ...(variant !== undefined && { variant }) };
  return { platform, config, manifest };
}

function historyOf(layer: Descriptor): { created_by: string } {
  return { created_by: `edgeloop: ${layer.annotations?.[MODEL_FILEPATH] ?? layer.digest}` };
}

/** Each layer once, whatever shares it. */
function layersOf({ repository, platforms }: BaseImage): BlobSource[] {
  const layers = platforms.flatMap((platform) => platform.layers);
  const once = new Map(layers.map((layer) => [layer.digest, layer]));
  return [...once.values()].map((descriptor) => ({
    descriptor,
    open: () => repository.readBlob(descriptor),
    origin: repository.name,
  }));
}

function content(mediaType: string, document: unknown): Content {
  const bytes = encodeJson(document);
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.byteLength }, bytes };
}

function blobOf({ descriptor, bytes }: Content): BlobSource {
  return { descriptor, open: () => streamOf(bytes) };
}
