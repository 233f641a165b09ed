import { EdgeloopError, refusal } from '../errors.ts';
import { readArtifact, type Repository, writeArtifact } from '../oci/index.ts';
import {
  type Attestation,
  CHANNEL_ARTIFACT_TYPE,
  type ChannelDocument,
  channelDocumentBytes,
  verifyChannelDocument,
} from '../trust/index.ts';

export interface Channel {
  document: ChannelDocument;
  attestation: Attestation;
}

/** The moving tag that names a channel's newest document in a model's repository. */
export function channelDocumentTag(channel: string): string {
  return `channel-${channel}`;
}

/** The tag that keeps one document for ever. No channel's name has a dot, so that it is nobody's moving tag. */
function keptDocumentTag(channel: string, sequence: number): string {
  return `${channelDocumentTag(channel)}.${sequence}`;
}

/** The sequence numbers of the documents that a channel has had, by a repository's tags; the newest first. */
export function channelSequences(tags: readonly string[], channel: string): number[] {
  const prefix = keptDocumentTag(channel, 0).slice(0, -1);
  return tags
    .flatMap((tag) => {
      const text = tag.startsWith(prefix) ? tag.slice(prefix.length) : '';
      return /^[1-9]\d*$/.test(text) ? [Number(text)] : [];
    })
    .toSorted((a, b) => b - a);
}

/** The believed document of a channel, or `undefined` when nothing was rolled out to it yet. */
export function readChannel(repository: Repository, channel: string): Promise<Channel | undefined> {
  return readDocument(repository, channelDocumentTag(channel));
}

/** The believed document of one sequence number, or `undefined` when it was never written. */
export function readKept(
  repository: Repository,
  channel: string,
  sequence: number,
): Promise<Channel | undefined> {
  return readDocument(repository, keptDocumentTag(channel, sequence));
}

async function readDocument(repository: Repository, tag: string): Promise<Channel | undefined> {
  const descriptor = await repository.resolve(tag);
  if (descriptor === undefined) return undefined;
  const { bytes } = await readArtifact(repository, descriptor, CHANNEL_ARTIFACT_TYPE);
  return verifyChannelDocument(bytes);
}

/** The document of a sequence number. */
export function newDocument(
  sequence: number,
  release: { channel: string; model: string; version: string; digest: string },
  now: Date,
): ChannelDocument {
  const issued = `${now.toISOString().slice(0, 19)}Z`;
  return { schema: 'edgeloop.channel/v1', ...release, sequence, issued };
}

/**
 * Publishes a document, and gives the one that stands: from now on the channel names its version, and the document is
 * kept under its sequence for ever. One that a cut rollout has kept of the same release is taken as it is. Throws the
 * refusal `channel-moved` where that sequence names something else.
 */
export async function writeChannel(
  repository: Repository,
  document: ChannelDocument,
): Promise<ChannelDocument> {
  const { channel, sequence } = document;
  // Before sequences were tagged, a document had the moving tag alone, which is about to leave it.
  const current = await readChannel(repository, channel);
  const now = current?.document;
  if (now !== undefined && now.sequence < sequence) await keep(repository, now);
  const kept = await keep(repository, document);
  if (now === undefined || now.sequence <= sequence) await moveTo(repository, kept);
  // Who finishes somebody else's rollout may be overtaken by the one after it, and must not take the channel back.
  const [newest = sequence] = channelSequences(await repository.tags(), channel);
  const later = newest > sequence ? await readKept(repository, channel, newest) : undefined;
  if (later !== undefined) await moveTo(repository, later.document);
  return kept;
}

async function keep(repository: Repository, document: ChannelDocument): Promise<ChannelDocument> {
  const { channel, sequence, model, version, digest } = document;
  const tag = keptDocumentTag(channel, sequence);
  try {
    await write(repository, document, { tag });
    return document;
  } catch (error) {
    if (!(error instanceof EdgeloopError) || error.code !== 'tag-exists') throw error;
  }
  const kept = (await readDocument(repository, tag))?.document;
  const isSame = kept?.sequence === sequence && kept.channel === channel && kept.model === model;
  if (isSame && kept.version === version && kept.digest === digest) return kept;
  throw refusal(
    'channel-moved',
    `${repository.name} ${tag} was written by somebody else: it names ${kept?.version ?? 'nothing'} (${kept?.digest ?? ''}), not ${version} (${digest})`,
    'Find out who wrote it; `edgeloop status` shows what the channel names.',
  );
}

function moveTo(repository: Repository, document: ChannelDocument): Promise<void> {
  return write(repository, document, { tag: channelDocumentTag(document.channel), moveTag: true });
}

async function write(
  repository: Repository,
  document: ChannelDocument,
  naming: { tag: string; moveTag?: boolean },
): Promise<void> {
  await writeArtifact(repository, {
    artifactType: CHANNEL_ARTIFACT_TYPE,
    mediaType: CHANNEL_ARTIFACT_TYPE,
    bytes: channelDocumentBytes(document),
    ...naming,
  });
}
