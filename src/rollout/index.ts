export {
  type Channel,
  channelDocumentTag,
  channelSequences,
  newDocument,
  readChannel,
  readKept,
  writeChannel,
} from './channels.ts';
