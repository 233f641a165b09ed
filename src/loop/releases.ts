import semver from 'semver';
import { readPackedFile } from '../oci/index.ts';
import { type Card, CARD_FILE, parseCard } from '../onnx/index.ts';
import { readChannel } from '../rollout/index.ts';
import { type Lock, lockPath, parseLock, parseModelTag } from '../versioning/index.ts';
import { repositoryOf, type Workspace } from './workspace.ts';

/** One version of a model, as git records it. */
export interface Release {
  version: string;
  lock: Lock;
  tag: string;
  commit: string;
  /** When it was released, RFC 3339. */
  date: string;
}

/** All releases of a model that git knows, the highest version first. */
export async function listReleases(workspace: Workspace, model: string): Promise<Release[]> {
  const { versionHistory } = workspace;
  if (versionHistory === undefined) return [];
  const file = lockPath(model);
  const tags = await versionHistory.tags(`${model}@v`, (name) =>
    parseModelTag(name)?.kind === 'version' ? file : undefined,
  );
  const releases = tags.flatMap(({ name, commit, date, file: bytes }): Release[] => {
    const tag = parseModelTag(name);
    if (tag?.kind !== 'version') return [];
    if (bytes === undefined) {
      workspace.deps.log('warn', `the tag ${name} is passed over: its commit has no ${file}`);
      return [];
    }
    return [{ version: tag.version, lock: parseLock(bytes, `${name}:${file}`), tag: name, commit, date }];
  });
  return releases.toSorted((a, b) => semver.rcompare(a.version, b.version));
}

/** One move of a channel, as git records it. */
export interface ChannelMove {
  sequence: number;
  tag: string;
  /** The commit of the version that the channel was moved to. */
  commit: string;
}

/** All moves of a model's channel that git knows, the newest first. */
export async function listMoves(
  workspace: Workspace,
  model: string,
  channel: string,
): Promise<ChannelMove[]> {
  const tags = (await workspace.versionHistory?.tags(`${model}#${channel}#`)) ?? [];
  const moves = tags.flatMap(({ name, commit }): ChannelMove[] => {
    const tag = parseModelTag(name);
    return tag?.kind === 'channel' ? [{ sequence: tag.sequence, tag: name, commit }] : [];
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
