import { newDocument, writeChannel } from '../../rollout/index.ts';
import type { ChannelDocument } from '../../trust/index.ts';
import { channelTag, channelTagMessage, readTrailers, type Release } from '../../versioning/index.ts';
import type { ChannelMove } from '../releases.ts';
import type { CheckingAll } from './finding.ts';

/** Writes the document that a move meant: of a release that is whole, and only if the tag itself says which. */
export async function writeDocumentOf(
  { releases, repository, model }: CheckingAll,
  channel: string,
  move: ChannelMove,
): Promise<string | undefined> {
  const release = releases.find(({ commit }) => commit === move.commit);
  if (release === undefined || !namesItself(move, release)) return undefined;
  const { version, lock } = release;
  const named = { channel, model, version, digest: lock.modelManifest };
  if ((await repository.resolve(`${version}-model`))?.digest !== named.digest) return undefined;
  // A device takes a document by its sequence; when it was issued is when its tag was made, as near as git knows.
  await writeChannel(repository, newDocument(move.sequence, named, new Date(move.date)));
  return `document ${move.sequence} of channel ${channel} names ${version}, as ${move.tag} says`;
}

/** Creates the git tag of a move that only the registry knows, at the release that its document names. */
export async function createTagOf(
  { workspace, releases, model }: CheckingAll,
  document: ChannelDocument,
): Promise<string | undefined> {
  const { channel, sequence, version, digest } = document;
  const release = releases.find((one) => one.version === version && one.lock.modelManifest === digest);
  if (release === undefined || document.model !== model) return undefined;
  const name = channelTag(model, channel, sequence);
  const tag = { name, commit: release.commit, message: channelTagMessage(document) };
  const created = await workspace.versionHistory?.createTag(tag);
  return created === true ? `the tag ${name} was created at ${version}` : undefined;
}

/** Whether a move's tag says what lies at its commit: one that was made by hand does not. */
export function namesItself(move: ChannelMove, release: Release): boolean {
  return readTrailers(move.message)['Model-Manifest'] === release.lock.modelManifest;
}
