import { refusal } from '../errors.ts';
import { channelDocumentSchema, type ChannelDocument } from './channel-document.ts';

/** `missing`: nobody signed the document. Documents are not signed yet, so this is reported and not refused. */
export type Attestation = 'missing';

/**
 * The only way in which the bytes of a channel document become believed.
 * Throws the refusal `channel-document-invalid` for anything that is not exactly a channel document.
 */
export function verifyChannelDocument(bytes: Uint8Array): {
  document: ChannelDocument;
  attestation: Attestation;
} {
  const parsed = channelDocumentSchema.safeParse(parseJson(bytes));
  if (parsed.success) return { document: parsed.data, attestation: 'missing' };
  const issue = parsed.error.issues[0];
  throw refusal(
    'channel-document-invalid',
    `the channel document is not valid: ${issue?.path.join('.') || 'document'}: ${issue?.message ?? 'unreadable'}`,
    'Write the channel anew with `edgeloop rollout MODEL@VERSION --channel CHANNEL`.',
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
