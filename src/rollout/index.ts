export {
  type Channel,
  channelSequences,
  newDocument,
  readChannel,
  readKept,
  writeChannel,
} from './channels.ts';
