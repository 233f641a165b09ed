import semver from 'semver';
import { misuse } from '../errors.ts';
import { readPackedFile } from '../oci/index.ts';
import { type Card, CARD_FILE, parseCard } from '../onnx/index.ts';
import { readChannel } from '../rollout/index.ts';
import { lockPath, parseLock, parseModelTag, type Release, type TagEntry } from '../versioning/index.ts';
import { repositoryOf, type Workspace } from './workspace.ts';

/** A version's tag, with the bytes of its lock file. */
export interface VersionTag extends TagEntry {
  version: string;
}

/** All version tags of a model that git knows and whose names begin with `prefix`, the highest version first. */
export async function listVersionTags(
  { versionHistory }: Workspace,
  model: string,
  prefix = `${model}@v`,
): Promise<VersionTag[]> {
  const tags = await versionHistory?.tags(prefix, (name) =>
    parseModelTag(name)?.kind === 'version' ? lockPath(model) : undefined,
  );
  const versions = (tags ?? []).flatMap((entry): VersionTag[] => {
    const tag = parseModelTag(entry.name);
    return tag?.kind === 'version' ? [{ ...entry, version: tag.version }] : [];
  });
  return versions.toSorted((a, b) => semver.rcompare(a.version, b.version));
}

/** All releases of a model that git knows, the highest version first. */
export async function listReleases(workspace: Workspace, model: string): Promise<Release[]> {
  return (await listVersionTags(workspace, model)).flatMap((tag) => {
    const release = readRelease(tag, model);
    if (release !== undefined) return [release];
    workspace.deps.log('warn', `the tag ${tag.name} is passed over: its commit has no ${lockPath(model)}`);
    return [];
  });
}

/** What a version's tag says; `undefined` when its commit has no lock file. Throws `lock-invalid`. */
export function readRelease(
  { version, name, commit, date, file }: VersionTag,
  model: string,
): Release | undefined {
  if (file === undefined) return undefined;
  return { version, lock: parseLock(file, `${name}:${lockPath(model)}`), tag: name, commit, date };
}

/** The release of a version. Throws the misuse `release-unknown` that says which there are. */
export function requireRelease(
  releases: readonly Release[],
  { model, version }: { model: string; version: string },
): Release {
  const release = releases.find((candidate) => candidate.version === version);
  if (release !== undefined) return release;
  const known = releases.slice(0, 5).map((candidate) => candidate.version);
  const more = releases.length > 5 ? ` and ${releases.length - 5} older` : '';
  throw misuse(
    'release-unknown',
    `${model} has no release ${version}; released: ${known.join(', ') || 'none'}${more}`,
    `Release it first: edgeloop release ${model}; or fetch the tags: git fetch origin '+refs/tags/*:refs/tags/*'`,
  );
}

/** One move of a channel, as git records it. */
export interface ChannelMove {
  sequence: number;
  tag: string;
  /** The commit of the version that the channel was moved to. */
  commit: string;
  /** When, RFC 3339. */
  date: string;
  message: string;
}

/** All moves of a model's channel that git knows, the newest first. */
export async function listMoves(
  workspace: Workspace,
  model: string,
  channel: string,
): Promise<ChannelMove[]> {
  const tags = (await workspace.versionHistory?.tags(`${model}#${channel}#`)) ?? [];
  const moves = tags.flatMap(({ name, commit, date, message }): ChannelMove[] => {
    const tag = parseModelTag(name);
    if (tag?.kind !== 'channel') return [];
    return [{ sequence: tag.sequence, tag: name, commit, date, message }];
  });
  return moves.toSorted((a, b) => b.sequence - a.sequence);
}

/** A released model by what identifies it. */
export interface Released {
  version: string;
  digest: string;
  card: Card;
}

/** The release that a candidate must not be worse than: what the first channel names, else the highest version. */
export async function findChampion(workspace: Workspace, model: string): Promise<Released | undefined> {
  const [channel = ''] = workspace.config.channels;
  const named = await readChannel(repositoryOf(workspace, model), channel);
  if (named === undefined) return findHighest(workspace, model);
  const { version, digest } = named.document;
  return { version, digest, card: await readCard(workspace, model, digest) };
}

/** The highest version that git or the registry knows: the one that the next version follows. */
export async function findHighest(workspace: Workspace, model: string): Promise<Released | undefined> {
  const repository = repositoryOf(workspace, model);
  const [inGit] = await listReleases(workspace, model);
  const tagged = (await repository.tags())
    .map((tag) => /^(\d+\.\d+\.\d+)-model$/.exec(tag)?.[1])
    .filter((version) => version !== undefined);
  const [inRegistry] = semver.rsort(tagged);
  // A release that was cut short is in git only: it counts, since its version is taken.
  if (inGit !== undefined && (inRegistry === undefined || semver.gte(inGit.version, inRegistry))) {
    const { version, lock } = inGit;
    return {
      version,
      digest: lock.modelManifest,
      card: await readCard(workspace, model, lock.modelManifest),
    };
  }
  const found = inRegistry === undefined ? undefined : await repository.resolve(`${inRegistry}-model`);
  if (inRegistry === undefined || found === undefined) return undefined;
  return { version: inRegistry, digest: found.digest, card: await readCard(workspace, model, found.digest) };
}

/** The card of a model in the registry, without its weights. */
export async function readCard(workspace: Workspace, model: string, digest: string): Promise<Card> {
  return parseCard(await readPackedFile(repositoryOf(workspace, model), digest, CARD_FILE));
}
