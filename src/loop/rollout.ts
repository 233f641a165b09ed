import { modelConfig } from '../config/index.ts';
import { failure, misuse, refusal } from '../errors.ts';
import { nextDocument, readChannel, writeChannel } from '../rollout/index.ts';
import type { ChannelDocument } from '../trust/index.ts';
import { channelTag } from '../versioning/index.ts';
import { listMoves, listReleases, type Release } from './releases.ts';
import { damagedContent } from './verify/content.ts';
import { repositoryOf, requireVersionHistory, type Workspace } from './workspace.ts';

/** A channel of a model, and the version that it is to name. */
export interface Move {
  model: string;
  channel: string;
  version: string;
}

/** Moves a channel to a release: a new document with a higher sequence, and its git tag. Does nothing when it is there. */
export async function rollOut(workspace: Workspace, move: Move): Promise<ChannelDocument> {
  const { releases } = await openChannel(workspace, move, 'rollout');
  return moveChannel(workspace, move.channel, findRelease(releases, move));
}

/**
 * Moves a channel back: to `to`, or to the release that it named before the one that it names now. The document is a
 * new one with a higher sequence, so that no device takes it for an old one.
 */
export async function rollBack(
  workspace: Workspace,
  { model, channel, to }: { model: string; channel: string; to?: string },
): Promise<ChannelDocument> {
  const { releases, moves } = await openChannel(workspace, { model, channel }, 'rollback');
  const current = await readChannel(repositoryOf(workspace, model), channel);
  if (current === undefined) {
    throw misuse(
      'channel-empty',
      `nothing was rolled out to ${channel} for ${model} yet`,
      `Roll out first: edgeloop rollout ${model}@VERSION --channel ${channel}`,
    );
  }
  const { version: now } = current.document;
  const version = to ?? moves.find((named) => named !== now);
  if (version === undefined) {
    const known = releases.map((release) => release.version).join(', ');
    throw misuse(
      'no-predecessor',
      `${channel} has never named another version of ${model} than ${now}`,
      `Name one with --to; released are: ${known}`,
    );
  }
  return moveChannel(workspace, channel, findRelease(releases, { model, version }));
}

/** Fetches what git knows of a channel; `moves` are the versions that it named, the newest first. */
async function openChannel(
  workspace: Workspace,
  { model, channel }: { model: string; channel: string },
  verb: string,
): Promise<{ releases: Release[]; moves: string[] }> {
  modelConfig(workspace.config, model);
  requireChannel(workspace, channel);
  const history = requireVersionHistory(workspace, verb);
  await history.fetchTags(`${model}@v`);
  await history.fetchTags(`${model}#${channel}#`);
  const releases = await listReleases(workspace, model);
  const moves = (await listMoves(workspace, model, channel)).map((move) => {
    return releases.find(({ commit }) => commit === move.commit)?.version;
  });
  return { releases, moves: moves.filter((version) => version !== undefined) };
}

async function moveChannel(
  workspace: Workspace,
  channel: string,
  release: Release,
): Promise<ChannelDocument> {
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
  const current = await readChannel(repository, channel);
  if (current?.document.version === version && current.document.digest === digest) return current.document;

  // A device could not fetch what is damaged here.
  const [damage] = await damagedContent(repository, [digest]);
  if (damage !== undefined) throw failure(damage.code, damage.message, damage.mend);

  const document = nextDocument(current, { channel, model, version, digest }, workspace.deps.now());
  const tag = channelTag(model, channel, document.sequence);
  const message = `${model} ${version} to ${channel}\n\nModel-Manifest: ${digest}`;
  const history = requireVersionHistory(workspace, 'rollout');
  begin(workspace, model, 'tag');
  if (!(await history.createTag({ name: tag, commit: release.commit, message }))) {
    await requireSameTarget(workspace, tag, release);
  }
  begin(workspace, model, 'document');
  // Meanwhile somebody may have finished this very rollout, and others have followed.
  const latest = (await readChannel(repository, channel))?.document;
  if (latest?.sequence === document.sequence) return latest;
  if (latest !== undefined && latest.sequence > document.sequence) {
    throw refusal(
      'channel-moved',
      `${channel} has document ${latest.sequence} by now, which names ${model} ${latest.version}`,
      'Look at it with `edgeloop status`, and roll out again if it is not what you want.',
    );
  }
  await writeChannel(repository, document);
  return document;
}

/** Tells which step of the sequence comes now. */
function begin(workspace: Workspace, model: string, step: string): void {
  workspace.deps.log('debug', `rollout ${model}: ${step}`, { step });
}

/** A rollout that was cut short left its tag and no document: the same rollout may finish it, another may not. */
async function requireSameTarget(workspace: Workspace, tag: string, release: Release): Promise<void> {
  const history = requireVersionHistory(workspace, 'rollout');
  await history.fetchTags(tag);
  const existing = (await history.tags(tag)).find(({ name }) => name === tag);
  if (existing?.commit === release.commit) return;
  const { model } = release.lock;
  const releases = await listReleases(workspace, model);
  const other = releases.find(({ commit }) => commit === existing?.commit);
  if (other === undefined) {
    throw refusal(
      'channel-moved',
      `there is a git tag ${tag} already, which names no release of ${model}`,
      `Look at it: git show '${tag}'. Delete it if it is not meant to move the channel, and roll out again.`,
    );
  }
  throw refusal(
    'channel-moved',
    `another rollout has created ${tag} for ${model} ${other.version}`,
    `See with \`edgeloop status\` whether it has ended. Roll out ${model}@${other.version} to finish one that was cut short, and then what you want.`,
  );
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

function findRelease(releases: Release[], { model, version }: { model: string; version: string }): Release {
  const release = releases.find((candidate) => candidate.version === version);
  if (release !== undefined) return release;
  const known =
    releases
      .slice(0, 5)
      .map((candidate) => candidate.version)
      .join(', ') || 'none';
  throw misuse(
    'release-unknown',
    `${model} has no release ${version}; released: ${known}`,
    `Release it first: edgeloop release ${model}`,
  );
}
