import { failure, misuse } from '../errors.ts';
import {
  formatReference,
  OCI_INDEX,
  openReference,
  type OpenRegistryOptions,
  parseReference,
  readImage,
  type Repository,
} from '../oci/index.ts';
import { versionsAmong } from './version-tags.ts';

/** A model in a registry, found by a reference to itself or to its runnable image. */
export interface FoundImage {
  repository: Repository;
  /** The reference, with the tag that was chosen when it had none. */
  ref: string;
  /** The ModelPack manifest's. */
  digest: string;
  /** The runnable image, when the reference names one. */
  image?: { digest: string; version: string };
}

/**
 * Finds the model that a reference means: a ModelPack manifest, a runnable image (whose model is meant), or a
 * repository (its highest version). Throws `image-missing`, `not-an-image`, `not-a-model`.
 */
export async function findImage(ref: string, options: OpenRegistryOptions): Promise<FoundImage> {
  const { tag, digest, ...place } = parseReference(ref);
  const repository = openReference(place, options);
  const target = digest === undefined ? { tag: tag ?? (await highestVersion(repository)) } : { digest };
  const found = await repository.readManifest(target.digest ?? target.tag ?? '');
  if (found === undefined) {
    throw failure(
      'image-missing',
      `${formatReference({ ...place, ...target })} does not exist`,
      `Check it; ${repository.name} has ${tagList(await repository.tags())}.`,
    );
  }
  const at = { repository, ref: formatReference({ ...place, ...target }) };
  const { mediaType, digest: named } = found.descriptor;
  const image = mediaType === OCI_INDEX ? await readImage(repository, named) : undefined;
  if (image === undefined) return { ...at, digest: named };
  return { ...at, digest: image.modelManifest, image: { digest: named, version: image.version } };
}

async function highestVersion(repository: Repository): Promise<string> {
  const tags = await repository.tags();
  const [highest] = versionsAmong(tags);
  if (highest !== undefined) return highest;
  throw misuse(
    'tag-required',
    `${repository.name} has no version to take when no tag is given`,
    `Name a tag or digest; it has ${tagList(tags)}.`,
  );
}

function tagList(tags: string[]): string {
  if (tags.length === 0) return 'no tags';
  const more = tags.length > 10 ? ` and ${tags.length - 10} more` : '';
  return `${tags.length === 1 ? 'the tag' : 'the tags'} ${tags.slice(0, 10).join(', ')}${more}`;
}
