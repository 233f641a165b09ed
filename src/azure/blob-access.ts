import { ContainerClient } from '@azure/storage-blob';
import type { BlobAddress } from './blob-address.ts';
import { blobFailure } from './blob-failures.ts';
import type { AzureCredential } from './identity.ts';

/** Lists one blob at most, to see whether we may. Throws what a listing throws. */
export async function tryListing(
  address: BlobAddress,
  credential: AzureCredential,
  signal: AbortSignal,
): Promise<void> {
  const container = new ContainerClient(address.container, credential, { retryOptions: { maxTries: 2 } });
  try {
    const blobs = container.listBlobsFlat({ prefix: address.prefix, abortSignal: signal });
    await blobs.byPage({ maxPageSize: 1 }).next();
  } catch (error) {
    throw blobFailure(error, { address, identity: credential.source });
  }
}
