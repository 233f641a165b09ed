import { z } from 'zod';

/** Artifact type and media type of a channel document in a registry (DESIGN 8.4). */
export const CHANNEL_ARTIFACT_TYPE = 'application/vnd.edgeloop.channel.v1+json';

/** What a device follows: the one version of a model that a channel names. */
export const channelDocumentSchema = z.strictObject({
  schema: z.literal('edgeloop.channel/v1'),
  channel: z.string().min(1),
  model: z.string().min(1),
  /** Rises by one with each document of this model and channel, so that an old one is recognised. */
  sequence: z.int().positive(),
  version: z.string().min(1),
  /** Digest of the version's ModelPack manifest. */
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  issued: z.iso.datetime(),
});

export type ChannelDocument = z.infer<typeof channelDocumentSchema>;

/** The bytes of a document as they are stored: one line of JSON with its keys in the schema's order. */
export function channelDocumentBytes(document: ChannelDocument): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(channelDocumentSchema.parse(document))}\n`);
}
