import { compare, parse, prerelease } from 'semver';

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
