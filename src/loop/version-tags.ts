import { compare, parse, prerelease } from 'semver';

/** The tags that are versions, without prereleases, highest first. */
export function versionsAmong(tags: string[]): string[] {
  return tags
    .filter((tag) => parse(tag)?.version === tag && prerelease(tag) === null)
    .toSorted((one, other) => compare(other, one));
}

/** The moving tags `X.Y` and `X` that a version takes: those below which it is the highest; none for a prerelease. */
export function movingTags(version: string, tags: string[]): string[] {
  if (prerelease(version) !== null) return [];
  const versions = versionsAmong(tags);
  const [major = '', minor = ''] = version.split('.');
  return [`${major}.${minor}`, major].filter((prefix) =>
    versions.every((other) => !other.startsWith(`${prefix}.`) || compare(other, version) <= 0),
  );
}
