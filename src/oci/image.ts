import { failure } from '../errors.ts';
import { type Descriptor, digestSchema, indexSchema } from './descriptor.ts';
import { digestOf } from './digest.ts';
import { streamOf } from './durable-file.ts';
import { parseManifest } from './manifest-reading.ts';
import { ANNOTATION, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from './media-types.ts';
import { readModelManifest } from './model-manifest.ts';
import { encodeJson, sortedByKey } from './canonical-json.ts';
import type { BlobSource, Repository } from './repository.ts';

const ARCHITECTURES = ['amd64', 'arm64'] as const;
/** Tags that follow the newest version: X and X.Y. All others stay where they are. */
const MOVING_TAG = /^\d+(?:\.\d+)?$/;

/** A document with its descriptor. */
export interface Content {
  descriptor: Descriptor;
  bytes: Uint8Array;
}

/** The runnable image of one version: an index, and a manifest and a configuration per architecture. */
export interface BuiltImage {
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
 * without a base, for amd64 and arm64. Writes nothing, and the same inputs give the same digest. Annotations of the
 * model are kept; those given win.
 */
export async function buildImage(
  repository: Repository,
  modelDescriptor: Descriptor,
  options: { model: string; version: string; annotations?: Record<string, string> },
): Promise<BuiltImage> {
  const { manifest } = await readModelManifest(repository, modelDescriptor.digest);
  const layers = manifest.layers.map(({ digest, size }) => ({ mediaType: OCI_LAYER, digest, size }));
  const annotations = sortedByKey({
    ...manifest.annotations,
    'org.opencontainers.image.title': options.model,
    'org.opencontainers.image.version': options.version,
    ...options.annotations,
    [ANNOTATION.model]: options.model,
    [ANNOTATION.version]: options.version,
    [ANNOTATION.modelManifest]: modelDescriptor.digest,
  });
  const built = ARCHITECTURES.map((architecture) => imageFor(architecture, layers, annotations));
  const index = content(OCI_INDEX, {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: built.map(({ architecture, manifest: { descriptor } }) => ({
      ...descriptor,
      platform: { architecture, os: 'linux' },
    })),
    annotations,
  });
  return {
    index,
    manifests: built.map((image) => image.manifest),
    configs: built.map((image) => image.config),
  };
}

/** Stores an image whose layers are in the repository already; tags last. X and X.Y move, any other tag does not. */
export async function pushImage(
  repository: Repository,
  image: BuiltImage,
  tags: string[],
  { moveTag = false }: { moveTag?: boolean } = {},
): Promise<Descriptor> {
  for (const config of image.configs) await repository.writeBlob(blobOf(config));
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
  architecture: string,
  layers: Descriptor[],
  annotations: Record<string, string>,
): { architecture: string; config: Content; manifest: Content } {
  // No time of creation: it would make the digest depend on the day.
  const config = content(OCI_CONFIG, {
    architecture,
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
  });
  const manifest = content(OCI_MANIFEST, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: config.descriptor,
    layers,
    annotations,
  });
  return { architecture, config, manifest };
}

function content(mediaType: string, document: unknown): Content {
  const bytes = encodeJson(document);
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.byteLength }, bytes };
}

function blobOf({ descriptor, bytes }: Content): BlobSource {
  return { descriptor, open: () => streamOf(bytes) };
}
