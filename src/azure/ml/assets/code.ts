import { isRestError } from '@azure/core-rest-pipeline';
import { z } from 'zod';
import { EdgeloopError } from '../../../errors.ts';
import { fileCount } from '../../../file-count.ts';
import type { ServiceLog } from '../../../training/index.ts';
import type { BlobAddress } from '../../blob-address.ts';
import { openContainer } from '../../blob-container.ts';
import { maskSas } from '../../mask.ts';
import { CONTENT_HASH_VERSION, contentHash } from './content-hash.ts';
import { uploadToDatastore } from './datastore-upload.ts';
import { filesToSend, type LocalFile } from './local-files.ts';
import { makeOnce } from './make-once.ts';
import { uploadFiles } from './upload.ts';
import type { MlWorkspace } from '../workspace.ts';

/** The folder within what a workspace opens for an upload: as `az ml` does it, the code is never a container's root. */
const FOLDER = 'code';
/** The first version of Azure's API that opens an upload; the SDK's is older. */
const PENDING_UPLOAD_VERSION = '2023-04-01';

/**
 * Uploads a folder of code as an asset of the workspace, once per content, and gives its ARM id. Account keys are never
 * asked for: the workspace opens a place with a signature of its own, or the caller's identity writes to the default
 * datastore.
 */
export async function provideCode(ml: MlWorkspace, folder: string, log: ServiceLog): Promise<string> {
  const files = await filesToSend(folder);
  const hash = await contentHash(files);
  const name = `edgeloop-${hash.slice(0, 32)}`;
  await makeOnce(ml, `the code ${name}`, {
    find: () => ml.client.codeVersions.get(...ml.at, name, '1'),
    make: async () => {
      log('info', `uploading the code: ${fileCount(files.length)}`, { asset: name });
      const codeUri = (await sendToWorkspace(ml, name, files)) ?? (await sendAsCaller(ml, files, hash));
      const properties = { hash_sha256: hash, hash_version: CONTENT_HASH_VERSION };
      await ml.client.codeVersions.createOrUpdate(...ml.at, name, '1', {
        properties: { codeUri, properties },
      });
    },
  });
  return `${ml.id}/codes/${name}/versions/1`;
}

const openedSchema = z.object({
  blobReferenceForConsumption: z.object({
    blobUri: z.url(),
    credential: z.object({ sasUri: z.url() }),
  }),
});

/** Sends files to a place that the workspace opens, a new one each time; undefined where it opens none. */
async function sendToWorkspace(
  ml: MlWorkspace,
  name: string,
  files: readonly LocalFile[],
): Promise<string | undefined> {
  const opened = openedSchema.safeParse(await openUpload(ml, name)).data?.blobReferenceForConsumption;
  if (opened === undefined) return undefined;
  const { sasUri } = opened.credential;
  maskSas(ml.mask, sasUri);
  const container = openContainer(sasUri);
  const address = addressOf(opened.blobUri);
  const target = { container, address, identity: () => "the workspace's own signature", signal: ml.signal };
  try {
    await uploadFiles(target, files);
  } catch (error) {
    // An account that takes no keys takes no signature that was made with one.
    if (error instanceof EdgeloopError && error.code === 'blob-write-forbidden') return undefined;
    throw error;
  }
  return `${opened.blobUri.replace(/\/+$/, '')}/${FOLDER}`;
}

async function openUpload(ml: MlWorkspace, name: string): Promise<unknown> {
  return ml.finding(`opening an upload for the code ${name}`, async () => {
    try {
      return await ml.send({
        method: 'POST',
        path: `/codes/${name}/versions/1/startPendingUpload`,
        apiVersion: PENDING_UPLOAD_VERSION,
        body: { pendingUploadType: 'TemporaryBlobReference' },
      });
    } catch (error) {
      if (isRestError(error) && error.statusCode === 400) return undefined;
      throw error;
    }
  });
}

/** The URL without what may be secret. */
function addressOf(blobUri: string): BlobAddress {
  const { host, origin, pathname } = new URL(blobUri);
  const container = `${origin}${pathname.replace(/\/+$/, '')}`;
  return { name: container, account: host.split('.')[0] ?? host, container, prefix: FOLDER };
}

async function sendAsCaller(ml: MlWorkspace, files: readonly LocalFile[], hash: string): Promise<string> {
  const { container, prefix } = await uploadToDatastore(ml, files, `edgeloop/code/${hash}`);
  return `${container}/${prefix}`;
}
