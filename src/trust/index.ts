export { CHANNEL_ARTIFACT_TYPE, channelDocumentBytes, type ChannelDocument } from './channel-document.ts';
export { verifyChannelDocument, type Attestation } from './verify.ts';
