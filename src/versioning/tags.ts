import semver from 'semver';

/** What a git tag of ours says (DESIGN 8.5): a strict subset of GTO's grammar (`treeverse/gto`, gto/constants.py). */
export type ModelTag =
  | { kind: 'version'; model: string; version: string }
  | { kind: 'channel'; model: string; channel: string; sequence: number };

const NAME = '[a-z][a-z0-9-]{0,61}[a-z0-9]';
const VERSION_TAG = new RegExp(`^(${NAME})@v(\\d+\\.\\d+\\.\\d+)$`);
const CHANNEL_TAG = new RegExp(`^(${NAME})#(${NAME})#([1-9]\\d*)$`);

/** `churn@v1.0.1`. */
export function versionTag(model: string, version: string): string {
  return `${model}@v${version}`;
}

/** `churn#production#7`. */
export function channelTag(model: string, channel: string, sequence: number): string {
  return `${model}#${channel}#${sequence}`;
}

/** Reads a tag name; `undefined` for any tag that is not ours. */
export function parseModelTag(tag: string): ModelTag | undefined {
  const [, versioned, version] = VERSION_TAG.exec(tag) ?? [];
  if (versioned !== undefined && version !== undefined && semver.valid(version) === version) {
    return { kind: 'version', model: versioned, version };
  }
  const [, model, channel, sequence] = CHANNEL_TAG.exec(tag) ?? [];
  if (model === undefined || channel === undefined || sequence === undefined) return undefined;
  return { kind: 'channel', model, channel, sequence: Number(sequence) };
}
