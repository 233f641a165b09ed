import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { BlobAddress } from '../blob-address.ts';
import { openContainer } from '../blob-container.ts';
import { blobsIn, datastoreUri, readDatastore } from './datastore.ts';
import { filesToSend, type LocalFile } from './local-files.ts';
import { uploadFiles } from './upload.ts';
import type { MlWorkspace } from './workspace.ts';

/**
 * Puts files below `path` of the workspace's own datastore, with the caller's token, and answers where they are. Throws
 * what `uploadFiles` and `readDatastore` throw.
 */
export async function uploadToDatastore(
  ml: MlWorkspace,
  files: readonly LocalFile[],
  path: string,
): Promise<BlobAddress> {
  const { credential, signal } = ml;
  const address = blobsIn(await readDatastore(ml), path, ml);
  const container = openContainer(address.container, credential);
  await uploadFiles({ container, address, identity: () => credential.source, signal }, files);
  return address;
}

/**
 * The same for all files of a folder; answers its `azureml://` URI. What is there already must be the same by its MD5 too:
 * others may write below the name of a release.
 */
export async function uploadFolder(ml: MlWorkspace, folder: string, path: string): Promise<string> {
  const files = await filesToSend(folder);
  for (const one of files) one.md5 = await md5Of(one.file);
  const { prefix } = await uploadToDatastore(ml, files, path);
  return datastoreUri(`${prefix}/`);
}

async function md5Of(file: string): Promise<Buffer> {
  const hash = createHash('md5');
  await pipeline(createReadStream(file), hash);
  return hash.digest();
}
