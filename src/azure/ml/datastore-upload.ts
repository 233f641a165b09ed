import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { ContainerClient } from '@azure/storage-blob';
import { blobsIn, datastoreUri, readDatastore } from './datastore.ts';
import { filesToSend } from './local-files.ts';
import { BLOB_RETRIES, uploadFiles } from './upload.ts';
import type { MlWorkspace } from './workspace.ts';

/**
 * Puts a folder's files below `path` of the workspace's own datastore, with the caller's token, and answers the
 * `azureml://` URI of that folder. What is there already is never replaced and must be the same, by its length and MD5.
 * Throws what `uploadFiles` and `readDatastore` throw.
 */
export async function uploadFolder(ml: MlWorkspace, folder: string, path: string): Promise<string> {
  const { credential, signal } = ml;
  const address = blobsIn(await readDatastore(ml), path, ml);
  const container = new ContainerClient(address.container, credential, { retryOptions: BLOB_RETRIES });
  const files = await filesToSend(folder);
  for (const one of files) one.md5 = await md5Of(one.file);
  await uploadFiles({ container, address, identity: () => credential.source, signal }, files);
  return datastoreUri(`${address.prefix}/`);
}

async function md5Of(file: string): Promise<Buffer> {
  const hash = createHash('md5');
  await pipeline(createReadStream(file), hash);
  return hash.digest();
}
