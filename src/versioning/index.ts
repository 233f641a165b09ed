export {
  deprecatedTag,
  deprecatedVersions,
  type Deprecation,
  DEPRECATION_ARTIFACT_TYPE,
  deprecationBytes,
  parseDeprecation,
} from './deprecation.ts';
export { type Lock, lockBytes, lockPath, parseLock } from './lock.ts';
export {
  higherLevel,
  nextVersion,
  type NextVersion,
  type TrainingChange,
  trainingChanges,
} from './next-version.ts';
export type { Release } from './release.ts';
export { type Change, type Level, signatureChanges } from './signature-change.ts';
export type { NewTag, SourceControl, TagEntry, TagPair, VersionHistory } from './source-control.ts';
export { channelTagMessage, readTrailers, tagMessage, tagTrailers } from './tag-message.ts';
export { channelTag, type ModelTag, parseModelTag, versionTag } from './tags.ts';
