import semver from 'semver';
import { modelConfig } from '../config/index.ts';
import { failure, misuse, refusal } from '../errors.ts';
import type { Repository } from '../oci/index.ts';
import { newDocument, readChannel, writeChannel } from '../rollout/index.ts';
import type { ChannelDocument } from '../trust/index.ts';
import { channelTag, channelTagMessage, deprecatedVersions, type Release } from '../versioning/index.ts';
import { readDeprecations } from './deprecate.ts';
import { listMoves, listReleases, requireRelease } from './releases.ts';
import { requireRolloutAllowed, type RolloutRules } from './rollout-rules.ts';
import { damagedContent } from './verify/content.ts';
import { repositoryOf, requireVersionHistory, type Workspace } from './workspace.ts';

/** A channel of a model, and the version that it is to name. */
export interface Move {
  model: string;
  channel: string;
  version: string;
  /** Lets the channel go to another major version. */
  allowMajor?: boolean | undefined;
}

/**
 * Moves a channel to a release that nothing speaks against (`requireRolloutAllowed`): a new document with a higher
 * sequence, and its git tag. Does nothing when it is there.
 */
export async function rollOut(workspace: Workspace, move: Move): Promise<ChannelDocument> {
  const opened = await openChannel(workspace, move, 'rollout');
  const release = requireRelease(opened.releases, move);
  return moveChannel(workspace, opened, release, { ...opened, allowMajor: move.allowMajor });
}

/** What a rollout would do to a channel. */
export interface RolloutTarget {
  /** What the channel would name; `undefined` when there is nothing to do. */
  release: Release | undefined;
  /** What it names now. */
  current: ChannelDocument | undefined;
}

/**
 * What a rollout of this version would do; without a version, of the newest release that is not deprecated, if the
 * channel has never named it and names none that is higher: what was rolled back stays so.
 */
export async function rolloutTarget(
  workspace: Workspace,
  { version, ...place }: { model: string; channel: string; version: string | undefined },
): Promise<RolloutTarget> {
  const opened = await openChannel(workspace, place, 'rollout');
  const { current, releases } = opened;
  if (version === undefined) return { release: await chooseNewest(workspace, opened), current };
  const release = requireRelease(releases, { model: place.model, version });
  const isNamed = current?.version === version && current.digest === release.lock.modelManifest;
  return { release: isNamed ? undefined : release, current };
}

async function chooseNewest(
  workspace: Workspace,
  { model, releases, moves, current }: OpenedChannel,
): Promise<Release | undefined> {
  const deprecated = deprecatedVersions(await repositoryOf(workspace, model).tags());
  const newest = releases.find(({ version }) => !deprecated.has(version));
  if (newest === undefined) return undefined;
  if (current !== undefined && semver.gte(current.version, newest.version)) return undefined;
  // A tag that is newer than the document is of a rollout that was cut, which this one finishes.
  const isNamed = moves.some(
    ({ version, sequence }) => version === newest.version && sequence <= (current?.sequence ?? 0),
  );
  return isNamed ? undefined : newest;
}

/**
 * Moves a channel back: to `to`, or to the newest release that it named before the one that it names now and that is not
 * deprecated. The document is a new one with a higher sequence, so that no device takes it for an old one. What the
 * channel has named before may be deprecated or of another major version: in an incident it may be the best there is.
 */
export async function rollBack(
  workspace: Workspace,
  { model, channel, to }: { model: string; channel: string; to?: string },
): Promise<ChannelDocument> {
  const opened = await openChannel(workspace, { model, channel }, 'rollback');
  const { current, moves, releases } = opened;
  if (current === undefined) {
    throw misuse(
      'channel-empty',
      `nothing was rolled out to ${channel} for ${model} yet`,
      `Roll out first: edgeloop rollout ${model}@VERSION --channel ${channel}`,
    );
  }
  const deprecated = deprecatedVersions(await repositoryOf(workspace, model).tags());
  const version = to ?? predecessor(current, moves, deprecated);
  const release = requireRelease(releases, { model, version });
  const isNamedBefore = moves.some((move) => move.version === version && move.sequence <= current.sequence);
  if (isNamedBefore && deprecated.has(version)) await warnOfDeprecated(workspace, release);
  return moveChannel(workspace, opened, release, isNamedBefore ? undefined : opened);
}

function predecessor(
  { model, channel, version: now, sequence }: ChannelDocument,
  moves: readonly NamedMove[],
  deprecated: ReadonlySet<string>,
): string {
  // A tag that is newer than the document is of a rollout that was cut: the channel has not named that one.
  const before = moves.filter((move) => move.sequence < sequence && move.version !== now);
  const found = before.find((move) => !deprecated.has(move.version));
  if (found !== undefined) return found.version;
  const [newest] = before;
  throw misuse(
    'no-predecessor',
    newest === undefined
      ? `${channel} has never named another version of ${model} than ${now}`
      : `all that ${channel} has named of ${model} before ${now} is deprecated, ${newest.version} for example`,
    `Name one with --to, a deprecated one too: edgeloop rollback ${model} --channel ${channel} --to ${newest?.version ?? 'VERSION'}`,
  );
}

async function warnOfDeprecated(workspace: Workspace, release: Release): Promise<void> {
  for (const { why, by } of await readDeprecations(workspace, release)) {
    const words = `${release.lock.model} ${release.version} is deprecated: ${why} (${by ?? 'somebody'})`;
    workspace.deps.log('warn', words);
  }
}

/** A move of a channel whose release git knows. */
interface NamedMove {
  sequence: number;
  version: string;
}

interface OpenedChannel {
  model: string;
  channel: string;
  releases: Release[];
  /** The newest first. */
  moves: NamedMove[];
  /** What the channel names now. */
  current: ChannelDocument | undefined;
}

/** Fetches what git knows of a channel, and reads what it names. */
async function openChannel(
  workspace: Workspace,
  { model, channel }: { model: string; channel: string },
  verb: string,
): Promise<OpenedChannel> {
  modelConfig(workspace.config, model);
  requireChannel(workspace, channel);
  const history = requireVersionHistory(workspace, verb);
  await history.fetchTags(`${model}@v`);
  await history.fetchTags(`${model}#${channel}#`);
  const releases = await listReleases(workspace, model);
  const moves = (await listMoves(workspace, model, channel)).flatMap(({ sequence, commit }) => {
    const version = releases.find((release) => release.commit === commit)?.version;
    return version === undefined ? [] : [{ sequence, version }];
  });
  const current = (await readChannel(repositoryOf(workspace, model), channel))?.document;
  return { model, channel, releases, moves, current };
}

async function moveChannel(
  workspace: Workspace,
  opened: OpenedChannel,
  release: Release,
  rules: RolloutRules | undefined,
): Promise<ChannelDocument> {
  const { channel, current } = opened;
  const { version, lock } = release;
  const { model, modelManifest: digest } = lock;
  const repository = repositoryOf(workspace, model);
  const published = await repository.resolve(`${version}-model`);
  if (published?.digest !== digest) {
    throw refusal(
      'release-incomplete',
      `${release.tag} in git means ${digest}, but ${version}-model in ${repository.name} is ${published?.digest ?? 'absent'}`,
      `Finish the release first: edgeloop release ${model}`,
    );
  }
  if (current?.version === version && current.digest === digest) return current;

  if (rules !== undefined) await requireRolloutAllowed(workspace, release, rules);
  else await requireWhole(repository, digest);

  const sequence = await takeSequence(workspace, opened, release);
  const document = newDocument(sequence, { channel, model, version, digest }, workspace.deps.now());
  begin(workspace, model, 'document');
  return writeChannel(repository, document);
}

/** A device could not fetch what is damaged here. */
async function requireWhole(repository: Repository, digest: string): Promise<void> {
  const [damage] = await damagedContent(repository, [digest]);
  if (damage !== undefined) throw failure(damage.code, damage.message, damage.mend);
}

/**
 * Takes the next sequence number by its git tag, the compare-and-swap between rollouts. A rollout that was cut short has
 * left its tag: the same one may finish it, another may not.
 */
async function takeSequence(
  workspace: Workspace,
  { channel, current }: OpenedChannel,
  { commit, version, lock: { model, modelManifest } }: Release,
): Promise<number> {
  const history = requireVersionHistory(workspace, 'rollout');
  const message = channelTagMessage({ model, version, channel, digest: modelManifest });
  for (let sequence = (current?.sequence ?? 0) + 1; ; sequence++) {
    const name = channelTag(model, channel, sequence);
    begin(workspace, model, 'tag');
    if (await history.createTag({ name, commit, message })) return sequence;
    await history.fetchTags(name);
    const existing = (await history.tags(name)).find((tag) => tag.name === name);
    if (existing?.commit === commit) return sequence;
    const releases = await listReleases(workspace, model);
    const holder = releases.find((release) => release.commit === existing?.commit);
    if (holder === undefined) {
      throw refusal(
        'channel-moved',
        `there is a git tag ${name} already, which names no release of ${model}`,
        `Look at it: git show '${name}'. Delete it if it is not meant to move the channel, and roll out again.`,
      );
    }
    // Nobody will finish the rollout of what was deprecated since: it must not hold the channel for ever.
    if ((await readDeprecations(workspace, holder)).length > 0) continue;
    throw refusal(
      'channel-moved',
      `another rollout has created ${name} for ${model} ${holder.version}`,
      `See with \`edgeloop status\` whether it has ended. Roll out ${model}@${holder.version} to finish one that was cut short, and then what you want.`,
    );
  }
}

/** Tells which step of the sequence comes now. */
function begin(workspace: Workspace, model: string, step: string): void {
  workspace.deps.log('debug', `rollout ${model}: ${step}`, { step });
}

function requireChannel(workspace: Workspace, channel: string): void {
  const { channels, file } = workspace.config;
  if (channels.includes(channel)) return;
  throw misuse(
    'channel-unknown',
    `${file} has no channel "${channel}"`,
    `It has ${channels.join(', ')}; add it under "channels".`,
  );
}
