import { z } from 'zod';
import { failure, messageOf, misuse, refusal } from '../../errors.ts';
import { type Descriptor, descriptorSchema } from '../descriptor.ts';
import { firstProblem, MANIFEST_LIMIT, parseManifest } from '../manifest-reading.ts';
import {
  DOCKER_CONFIG,
  DOCKER_INDEX,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
} from '../media-types.ts';
import { parseReference, type Reference } from '../reference.ts';
import type { Repository } from '../repository.ts';

/** The platforms that a runnable image is built for, all of them `linux`. */
export const ARCHITECTURES = ['amd64', 'arm64'] as const;

/** Layers that can be copied as they are, by what they are called in an OCI manifest (image-spec 1.1, layer.md). */
const LAYER_TYPES = new Map([
  [OCI_LAYER, OCI_LAYER],
  [`${OCI_LAYER}+gzip`, `${OCI_LAYER}+gzip`],
  [`${OCI_LAYER}+zstd`, `${OCI_LAYER}+zstd`],
  ['application/vnd.docker.image.rootfs.diff.tar', OCI_LAYER],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', `${OCI_LAYER}+gzip`],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', `${OCI_LAYER}+zstd`],
]);
/** Most layers of a base: with more than 127 in all, Docker runs no image. */
const LAYER_LIMIT = 120;
/** Variants that every processor of its architecture has; most indexes leave them out. */
const OLDEST = new Set<unknown>([undefined, '', 'v1', 'v8']);

/** A base image, ready to be built on. */
export interface BaseImage {
  /** As it was named, without a digest: `HOST/REPOSITORY:TAG` or `oci:FOLDER:TAG`. */
  name: string;
  /** Of what the reference names: an index, or one manifest. */
  digest: string;
  /** Where its layers are copied from. */
  repository: Repository;
  /** One for each of `ARCHITECTURES` that it has, in their order. */
  platforms: ImagePlatform[];
}

/** An image for one platform. */
export interface ImagePlatform {
  os: string;
  architecture: string;
  variant?: string;
  /** The configuration as it was written, every key in its place: another order is another digest. */
  config: Record<string, unknown>;
  diffIds: string[];
  history?: unknown[];
  /** With OCI media types. */
  layers: Descriptor[];
}

type Platform = Pick<ImagePlatform, 'os' | 'architecture'> | undefined;

/** What must be known of an image configuration (image-spec 1.1, config.md; Docker's has the same keys and more). */
const configSchema = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().optional(),
  rootfs: z.looseObject({ type: z.literal('layers'), diff_ids: z.array(z.string()) }),
  history: z.array(z.unknown()).nullish(),
});
const documentSchema = z.record(z.string(), z.unknown());

// A document that is both an index and a manifest is refused wherever manifests are read.
const indexSchema = z.looseObject({
  mediaType: z.enum([OCI_INDEX, DOCKER_INDEX]).optional(),
  manifests: z.array(descriptorSchema),
});
const manifestSchema = z.looseObject({
  mediaType: z.enum([OCI_MANIFEST, DOCKER_MANIFEST]).optional(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema),
});

/**
 * Parses how a base image is named: a REF, or one with both a tag and a digest, of which the digest decides and the tag
 * stays in the name. Throws the misuses `reference-invalid` and `base-image-unnamed`.
 */
export function parseBaseName(text: string): { name: string; reference: Reference } {
  const [, name = text, digest] = /^(.*)@(sha256:[0-9a-f]{64})$/s.exec(text) ?? [];
  const named = parseReference(name);
  if (digest === undefined && named.tag !== undefined) return { name, reference: named };
  if (digest !== undefined && named.digest === undefined) return { name, reference: { ...named, digest } };
  throw misuse(
    'base-image-unnamed',
    `"${text}" does not name one image`,
    'Write :TAG, @DIGEST or :TAG@DIGEST after the repository.',
  );
}

/**
 * Finds what a base image has for each platform; reads manifests and configurations, no layers. An index or a single
 * manifest, with OCI's or Docker's media types. Throws `base-image-missing`, `base-image-nested` for an index in an
 * index, `base-image-platform-missing` when it is for no platform of ours, `base-image-unsupported` for layers that
 * cannot be copied, `base-image-invalid`, and what reading a manifest or a blob throws.
 */
export async function readBaseImage(
  repository: Repository,
  name: string,
  tagOrDigest: string,
): Promise<BaseImage> {
  const { descriptor, bytes } = await readExisting(repository, tagOrDigest);
  const where = `${repository.name}@${descriptor.digest}`;
  const platforms: ImagePlatform[] = [];
  if (isIndex(descriptor)) {
    const { manifests } = parseManifest(indexSchema, bytes, where);
    for (const architecture of ARCHITECTURES) {
      const entry = entryFor(architecture, manifests);
      if (entry !== undefined) platforms.push(await readEntry(repository, entry, architecture, where));
    }
    const named = manifests.map(({ platform }) => platform);
    if (platforms.length === 0) throw platformMissing(where, named);
  } else {
    const platform = await readPlatform(repository, bytes, where);
    if (!ARCHITECTURES.some((architecture) => isFor(architecture, platform)))
      throw platformMissing(where, [platform]);
    platforms.push(platform);
  }
  return { name, digest: descriptor.digest, repository, platforms };
}

async function readExisting(
  repository: Repository,
  reference: string,
): Promise<{ descriptor: Descriptor; bytes: Uint8Array }> {
  const found = await repository.readManifest(reference);
  if (found !== undefined) return found;
  throw failure(
    'base-image-missing',
    `${repository.name} has no ${reference}`,
    "Check the base image's name, and that its registry lets you read it.",
  );
}

/** The entry for the oldest processors of an architecture, which runs on the newer ones too. */
function entryFor(architecture: string, entries: Descriptor[]): Descriptor | undefined {
  const fitting = entries.filter(({ platform }) => isFor(architecture, platform));
  return fitting.find(({ platform }) => OLDEST.has(platform?.['variant'])) ?? fitting[0];
}

async function readEntry(
  repository: Repository,
  entry: Descriptor,
  architecture: string,
  index: string,
): Promise<ImagePlatform> {
  const { descriptor, bytes } = await readExisting(repository, entry.digest);
  if (isIndex(descriptor)) {
    throw refusal(
      'base-image-nested',
      `${index} names another index for linux/${architecture}, ${entry.digest}`,
      'Name an index of manifests as the base image.',
    );
  }
  const where = `${repository.name}@${entry.digest}`;
  const platform = await readPlatform(repository, bytes, where);
  if (isFor(architecture, platform)) return platform;
  throw invalid(where, `its index says linux/${architecture}, its configuration ${nameOf(platform)}`);
}

async function readPlatform(
  repository: Repository,
  bytes: Uint8Array,
  where: string,
): Promise<ImagePlatform> {
  const manifest = parseManifest(manifestSchema, bytes, where);
  const { mediaType, size } = manifest.config;
  if (mediaType !== OCI_CONFIG && mediaType !== DOCKER_CONFIG)
    throw unsupported(where, `it is no image: its configuration is ${mediaType}`);
  if (size > MANIFEST_LIMIT)
    throw unsupported(where, `its configuration has ${size} bytes, of at most ${MANIFEST_LIMIT}`);
  if (manifest.layers.length > LAYER_LIMIT)
    throw unsupported(where, `it has ${manifest.layers.length} layers, of at most ${LAYER_LIMIT}`);
  const layers = manifest.layers.map((layer) => ({ ...layer, mediaType: layerType(layer, where) }));
  const config = Buffer.concat(await Array.fromAsync(repository.readBlob(manifest.config)));
  const platform = { ...parseConfig(config, where), layers };
  if (platform.diffIds.length === layers.length) return platform;
  throw invalid(where, `it has ${layers.length} layers, and ${platform.diffIds.length} in its configuration`);
}

function layerType({ digest, mediaType }: Descriptor, where: string): string {
  const type = LAYER_TYPES.get(mediaType);
  if (type !== undefined) return type;
  throw unsupported(where, `its layer ${digest} is ${mediaType}, which cannot be copied`);
}

function parseConfig(bytes: Buffer, where: string): Omit<ImagePlatform, 'layers'> {
  try {
    const document: unknown = JSON.parse(bytes.toString());
    const { architecture, os, variant, rootfs, history } = configSchema.parse(document);
    return {
      os,
      architecture,
      ...(variant !== undefined && { variant }),
      config: documentSchema.parse(document),
      diffIds: rootfs.diff_ids,
      ...(history && { history }),
    };
  } catch (error) {
    throw invalid(
      where,
      `its configuration is not valid: ${error instanceof z.ZodError ? firstProblem(error) : messageOf(error)}`,
    );
  }
}

function isIndex({ mediaType }: Descriptor): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_INDEX;
}

function isFor(architecture: string, platform: Platform): boolean {
  return platform?.os === 'linux' && platform.architecture === architecture;
}

function nameOf(platform: Platform): string {
  return platform === undefined ? 'an unnamed platform' : `${platform.os}/${platform.architecture}`;
}

function platformMissing(where: string, found: Platform[]): Error {
  const names = found.slice(0, 20).map(nameOf).join(', ');
  return refusal(
    'base-image-platform-missing',
    `${where} is neither for linux/amd64 nor for linux/arm64, but for ${names === '' ? 'nothing' : names}`,
    'Name a base image for the architecture of your devices.',
  );
}

function unsupported(where: string, why: string): Error {
  return refusal(
    'base-image-unsupported',
    `${where} cannot be a base image: ${why}`,
    'Name an image whose layers are tars in its own registry, compressed with gzip, zstd or not at all.',
  );
}

function invalid(where: string, why: string): Error {
  return failure(
    'base-image-invalid',
    `${where} is not an image that can be built on: ${why}`,
    'Build the base image again, or name another one.',
  );
}
