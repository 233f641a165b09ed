import type { BlobAddress } from '../../blob-address.ts';
import { openContainer } from '../../blob-container.ts';
import { blobsIn, datastoreUri, readDatastore } from '../datastore.ts';
import { filesToSend, type LocalFile, withMd5 } from './local-files.ts';
import { type MadeBlob, removeMade, uploadFiles } from './upload.ts';
import type { MlWorkspace } from '../workspace.ts';

/**
 * Puts files below `path` of the workspace's own datastore, with the caller's token, and answers where they are. What was
 * put there is taken away when the files are not what they were, which `requireSame` throws for. Throws what `uploadFiles`
 * and `readDatastore` throw.
 */
export async function uploadToDatastore(
  ml: MlWorkspace,
  files: readonly LocalFile[],
  path: string,
  requireSame: () => Promise<void> = async () => {},
): Promise<BlobAddress> {
  const { credential, signal } = ml;
  const address = blobsIn(await readDatastore(ml), path, ml);
  const container = openContainer(address.container, credential);
  const target = { container, address, identity: () => credential.source, signal };
  const made: MadeBlob[] = [];
  const failed = await uploadFiles(target, files, made).then(
    () => undefined,
    (error: unknown) => error,
  );
  // Files that have changed explain more than what came of sending them.
  await requireSame().catch(async (error: unknown) => {
    await removeMade(target, made);
    throw error;
  });
  if (failed !== undefined) throw failed;
  return address;
}

/**
 * The same for all files of a folder; answers its `azureml://` URI. What is there already must be the same by its MD5 too:
 * others may write below the name of a release.
 */
export async function uploadFolder(ml: MlWorkspace, folder: string, path: string): Promise<string> {
  const files = await withMd5(await filesToSend(folder));
  const { prefix } = await uploadToDatastore(ml, files, path);
  return datastoreUri(`${prefix}/`);
}
