export { type Channel, nextDocument, readChannel, writeChannel } from './channels.ts';
