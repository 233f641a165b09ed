import type { TokenCredential } from '@azure/identity';
import { ContainerClient } from '@azure/storage-blob';
import type { BlobAddress } from './blob-address.ts';
import { blobFailure } from './blob-failures.ts';
import type { AzureCredential } from './identity.ts';

/** The SDK's own waits, from 4 s to 2 min, are longer than a person waits. */
const RETRIES = { maxTries: 5, retryDelayInMs: 500, maxRetryDelayInMs: 30_000 };

/** Opens a container by its URL; without a credential the URL has a signature. Asks nothing yet. */
export function openContainer(url: string, credential?: TokenCredential, retries = RETRIES): ContainerClient {
  return new ContainerClient(url, credential, { retryOptions: retries });
}

/** Lists one blob at most, to see whether we may. Throws what a listing throws. */
export async function tryListing(
  address: BlobAddress,
  credential: AzureCredential,
  signal: AbortSignal,
): Promise<void> {
  const container = openContainer(address.container, credential, { ...RETRIES, maxTries: 2 });
  try {
    const blobs = container.listBlobsFlat({ prefix: address.prefix, abortSignal: signal });
    await blobs.byPage({ maxPageSize: 1 }).next();
  } catch (error) {
    throw blobFailure(error, { address, identity: credential.source });
  }
}
