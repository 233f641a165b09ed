import { describe, expect, it } from 'vitest';
import { channelDocumentBytes, verifyChannelDocument, type ChannelDocument } from './index.ts';

const document: ChannelDocument = {
  schema: 'edgeloop.channel/v1',
  channel: 'production',
  model: 'churn',
  sequence: 7,
  version: '1.2.0',
  digest: `sha256:${'a'.repeat(64)}`,
  issued: '2026-01-02T03:04:05Z',
};

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe('verifyChannelDocument', () => {
  it('returns the document that was written, and says that nobody attested it', () => {
    expect(verifyChannelDocument(channelDocumentBytes(document))).toEqual({
      document,
      attestation: 'missing',
    });
  });

  it.each([
    ['no JSON', new TextEncoder().encode('{"schema":')],
    ['no UTF-8', new Uint8Array([0x7b, 0xff, 0x7d])],
    ['an unknown key', bytesOf({ ...document, force: true })],
    ['another schema', bytesOf({ ...document, schema: 'edgeloop.channel/v2' })],
    ['sequence zero', bytesOf({ ...document, sequence: 0 })],
    ['a shortened digest', bytesOf({ ...document, digest: 'sha256:abc' })],
    ['no version', bytesOf({ ...document, version: undefined })],
  ])('refuses %s', (_, bytes) => {
    expect(() => verifyChannelDocument(bytes)).toThrow(
      expect.objectContaining({ code: 'channel-document-invalid', exitCode: 3 }),
    );
  });
});
