import { compare, parse, prerelease } from 'semver';
import type { Lock } from '../versioning/index.ts';

/** The tags that are versions, without prereleases, highest first. */
export function versionsAmong(tags: string[]): string[] {
  return tags
    .filter((tag) => parse(tag)?.version === tag && prerelease(tag) === null)
    .toSorted((one, other) => compare(other, one));
}

/** The moving tags that a version may take: `X.Y` and `X`. */
export function movingTagsOf(version: string): string[] {
  const [major = '', minor = ''] = version.split('.');
  return [`${major}.${minor}`, major];
}

/** Those of its moving tags below which a version is the highest; none for a prerelease. */
export function movingTags(version: string, tags: string[]): string[] {
  if (prerelease(version) !== null) return [];
  const versions = versionsAmong(tags);
  return movingTagsOf(version).filter((prefix) =>
    versions.every((other) => !other.startsWith(`${prefix}.`) || compare(other, version) <= 0),
  );
}

/** The tags that name a version for ever, each with what it names. */
export function tagsOf({ version, image, modelManifest }: Lock): Record<string, string> {
  return { [version]: image, [`${version}-model`]: modelManifest };
}
