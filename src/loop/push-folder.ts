import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { parse } from 'semver';
import { misuse } from '../errors.ts';
import {
  type BaseImage,
  buildImage,
  formatReference,
  openReference,
  type OpenRegistryOptions,
  type PackedModel,
  packModel,
  parseBaseName,
  parseReference,
  type PushBlobsOptions,
  pushImage,
  pushModel,
  readBaseImage,
  type Reference,
  type TransferSummary,
} from '../oci/index.ts';
import { type Card, CARD_FILE, cardSchema, MODEL_FILE, parseCard, readModelFile } from '../onnx/index.ts';
import { cardAnnotations } from './card-annotations.ts';
import { movingTags } from './version-tags.ts';

/** A pushed model; `digest` is that of its ModelPack manifest. */
export interface PushedFolder extends TransferSummary {
  ref: string;
  model: string;
  /** The runnable image, when the tag was a version. */
  image?: { ref: string; digest: string };
  /** The tags that name the model or its image now. */
  tags: string[];
}

export interface PushOptions extends OpenRegistryOptions, PushBlobsOptions {
  /** Lets a tag that names something else name this model. */
  moveTag?: boolean;
  /** What the runnable image is built on: a REF with a tag or digest. */
  baseImage?: string;
}

/**
 * Packs a folder as a model and pushes it to `ref`. A card is derived for a model that has none. A tag that is a
 * semantic version names the runnable image, `<version>-model` the model itself; any other tag names the model.
 * Throws the misuse `tag-reserved`, `tag-exists` unless the tag may be moved, and what packing and pushing throw.
 */
export async function pushFolder(
  folder: string,
  ref: string,
  { moveTag = false, baseImage, concurrency, onProgress, ...options }: PushOptions,
): Promise<PushedFolder> {
  const { tag, digest, ...place } = parseReference(ref);
  if (digest !== undefined)
    throw misuse(
      'reference-invalid',
      `"${ref}" names a digest`,
      'Name a tag: the digest follows from the files.',
    );
  const version = tag === undefined ? undefined : versionOf(tag);
  if (baseImage !== undefined && version === undefined)
    throw misuse(
      'version-required',
      `"${ref}" names no version, and only the image of a version has a base`,
      'Write :X.Y.Z after the repository.',
    );
  const repository = openReference(place, options);
  // A base that is not there must not cost an upload.
  const base = baseImage === undefined ? undefined : await findBaseImage(baseImage, options);
  const { model, packed } = await packFolder(folder, nameOf(place));

  const modelTag = version === undefined ? tag : `${version}-model`;
  const pushed = await pushModel(repository, packed, {
    ...(modelTag !== undefined && { tag: modelTag }),
    moveTag,
    concurrency,
    onProgress,
  });
  const target = modelTag === undefined ? { digest: pushed.digest } : { tag: modelTag };
  const done = { ...pushed, ref: formatReference({ ...place, ...target }), model };
  if (version === undefined) return { ...done, tags: tag === undefined ? [] : [tag] };

  const image = await buildImage(repository, packed.descriptor, {
    model,
    version,
    ...(base !== undefined && { base }),
  });
  const descriptor = await pushImage(repository, image, [version], { moveTag, concurrency });
  const moving = movingTags(version, await repository.tags());
  await pushImage(repository, image, moving);
  return {
    ...done,
    image: { ref: formatReference({ ...place, tag: version }), digest: descriptor.digest },
    tags: [`${version}-model`, version, ...moving],
  };
}

function findBaseImage(text: string, options: OpenRegistryOptions): Promise<BaseImage> {
  const { name, reference } = parseBaseName(text);
  return readBaseImage(openReference(reference, options), name, reference.digest ?? reference.tag ?? '');
}

/** The version that a tag is, if it is one. Tags with a meaning of their own are refused: they would be mistaken for it. */
function versionOf(tag: string): string | undefined {
  if (/-model$|^(?:in|job|channel|deprecated)-|^sha256-|^\d+(?:\.\d+)?$/.test(tag))
    throw misuse(
      'tag-reserved',
      `the tag "${tag}" is one that Edgeloop sets itself`,
      'Give a version such as 1.2.3 (1.2.3-model, 1.2 and 1 follow from it), or another name.',
    );
  return parse(tag)?.version === tag ? tag : undefined;
}

/** Packs a folder with its own card, or with one derived from its model; a folder without a model as it is. */
async function packFolder(folder: string, name: string): Promise<{ model: string; packed: PackedModel }> {
  if (existsSync(join(folder, CARD_FILE))) {
    const card = parseCard(await readFile(join(folder, CARD_FILE)));
    const { model } = card;
    return { model, packed: await packModel(folder, { model, annotations: cardAnnotations(card) }) };
  }
  if (!existsSync(join(folder, MODEL_FILE)))
    return { model: name, packed: await packModel(folder, { model: name }) };
  const card = await deriveCard(folder, name);
  const bytes = new TextEncoder().encode(`${JSON.stringify(card, null, 2)}\n`);
  const packed = await packModel(folder, { model: name, annotations: cardAnnotations(card), card: bytes });
  return { model: name, packed };
}

async function deriveCard(folder: string, model: string): Promise<Card> {
  const { modelSignature, opset, bytes } = await readModelFile(join(folder, MODEL_FILE));
  return cardSchema.parse({
    schema: 'edgeloop.card/v1',
    model,
    modelSignature,
    // Every build of ONNX Runtime has this one.
    requirements: { opset, executionProviders: ['cpu'], modelBytes: bytes },
  });
}

/** A repository's model is called as the last part of its path. */
function nameOf(place: Reference): string {
  return basename(place.kind === 'layout' ? resolve(place.folder) : place.repository);
}
