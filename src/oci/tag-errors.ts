import { failure, misuse } from '../errors.ts';
import type { Descriptor } from './descriptor.ts';

/** The failure for a tag that names another manifest and is not to be moved. */
export function tagExists(where: string, tag: string, current: string, wanted: Descriptor): Error {
  return failure(
    'tag-exists',
    `the tag ${tag} of ${where} names ${current} already, not ${wanted.digest}`,
    'Use another tag; one that was given is moved only by "edgeloop push --move-tag".',
  );
}

/** The failure for a tag that was to be moved by a registry that keeps it where it is. */
export function tagNotMoved(where: string, tag: string, current: string, cause: Error): Error {
  return failure(
    'tag-not-moved',
    `the tag ${tag} of ${where} stays at ${current}`,
    'A released version is locked: give what you have another tag. If the registry keeps all tags, let its rule except those that move (X, X.Y and channel-*), then run this again.',
    { cause },
  );
}

/** The misuse for what the distribution specification does not allow as a tag. */
export function tagInvalid(tag: string): Error {
  return misuse(
    'tag-invalid',
    `"${tag}" is not a tag`,
    'Use letters, digits, "_", "." and "-", at most 128, not starting with "." or "-".',
  );
}
