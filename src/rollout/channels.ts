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

/** Tag of a channel's document in a model's repository. */
export function channelDocumentTag(channel: string): string {
  return `channel-${channel}`;
}

/** The believed document of a channel, or `undefined` when nothing was rolled out to it yet. */
export async function readChannel(repository: Repository, channel: string): Promise<Channel | undefined> {
  const descriptor = await repository.resolve(channelDocumentTag(channel));
  if (descriptor === undefined) return undefined;
  const { bytes } = await readArtifact(repository, descriptor, CHANNEL_ARTIFACT_TYPE);
  return verifyChannelDocument(bytes);
}

/** The document that follows the current one: its sequence is one higher. */
export function nextDocument(
  current: Channel | undefined,
  release: { channel: string; model: string; version: string; digest: string },
  now: Date,
): ChannelDocument {
  const sequence = (current?.document.sequence ?? 0) + 1;
  const issued = `${now.toISOString().slice(0, 19)}Z`;
  return { schema: 'edgeloop.channel/v1', ...release, sequence, issued };
}

/** Publishes a document: from now on the channel names its version. */
export async function writeChannel(repository: Repository, document: ChannelDocument): Promise<void> {
  await writeArtifact(repository, {
    artifactType: CHANNEL_ARTIFACT_TYPE,
    mediaType: CHANNEL_ARTIFACT_TYPE,
    bytes: channelDocumentBytes(document),
    tag: channelDocumentTag(document.channel),
    moveTag: true,
  });
}
