import { misuse, refusal } from '../errors.ts';
import { type Channel, nextDocument, readChannel, writeChannel } from '../rollout/index.ts';
import { channelTag } from '../versioning/index.ts';
import { listReleases, type Release } from './releases.ts';
import { repositoryOf, requireSourceControl, type Workspace } from './workspace.ts';

/** Moves a channel to a release: a new document with a higher sequence, and its git tag. */
export async function rollOut(
  workspace: Workspace,
  { model, version, channel }: { model: string; version: string; channel: string },
): Promise<Channel['document']> {
  requireChannel(workspace, channel);
  const sourceControl = requireSourceControl(workspace, 'rollout');
  await sourceControl.fetchTags(`${model}@v`);
  await sourceControl.fetchTags(`${model}#${channel}#`);
  const release = await findRelease(workspace, model, version);
  const repository = repositoryOf(workspace, model);
  const published = await repository.resolve(`${version}-model`);
  const digest = release.lock.modelManifest;
  if (published?.digest !== digest) {
    throw refusal(
      'release-incomplete',
      `${release.tag} in git means ${digest}, but ${version}-model in ${repository.name} is ${published?.digest ?? 'absent'}`,
      `Finish the release first: edgeloop release ${model}`,
    );
  }
  const current = await readChannel(repository, channel);
  if (current?.document.version === version && current.document.digest === digest) return current.document;

  const document = nextDocument(current, { channel, model, version, digest }, workspace.deps.now());
  const tag = channelTag(model, channel, document.sequence);
  const message = `${model} ${version} to ${channel}\n\nModel-Manifest: ${digest}`;
  if (!(await sourceControl.createTag({ name: tag, commit: release.commit, message }))) {
    await requireSameTarget(workspace, tag, release);
  }
  await writeChannel(repository, document);
  return document;
}

/** A rollout that was cut short left its tag and no document: the same rollout may finish it, another may not. */
async function requireSameTarget(workspace: Workspace, tag: string, release: Release): Promise<void> {
  const sourceControl = requireSourceControl(workspace, 'rollout');
  const existing = (await sourceControl.tags(tag)).find(({ name }) => name === tag);
  if (existing?.commit === release.commit) return;
  throw refusal(
    'channel-moved',
    `another rollout has created ${tag} for ${existing?.commit.slice(0, 12) ?? 'another commit'}`,
    'Look at it with `edgeloop status`, and roll out again if it is not what you want.',
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

async function findRelease(workspace: Workspace, model: string, version: string): Promise<Release> {
  const releases = await listReleases(workspace, model);
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
