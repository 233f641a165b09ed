import { RestError } from '@azure/storage-blob';
import type { DatasetFile } from '../dataset/index.ts';
import { failure } from '../errors.ts';
import { httpFailed, lastingFailure } from '../http-failure.ts';
import type { BlobAddress } from './blob-address.ts';

interface Asked {
  address: BlobAddress;
  /** What gave the token. */
  identity: string | undefined;
  /** The file that was read; absent for a listing. */
  file?: DatasetFile | undefined;
}

/**
 * What Blob Storage's answer means, as a failure that names the mend; anything that is not an answer of it unchanged.
 * Nothing of the request is kept, which had a token. Codes: Microsoft, "Blob Storage error codes".
 */
export function blobFailure(error: unknown, asked: Asked): unknown {
  if (!(error instanceof RestError)) return error;
  const { address, file } = asked;
  const { statusCode: status, code = '' } = error;
  if (status === undefined) return notReached(error, address);
  if (file !== undefined && (status === 412 || code === 'BlobNotFound')) {
    return failure(
      'remote-changed',
      `${address.name}: ${file.path} is not there any more as it was planned (${status} ${code})`,
      'Plan again: the data have changed meanwhile.',
    );
  }
  if (status === 401 || status === 403) return forbidden(asked, `${status} ${code}`.trim());
  if (code === 'ContainerNotFound') {
    return failure(
      'blob-container-missing',
      `${address.name}: the storage account "${address.account}" has no such container`,
      'Correct "data", or create the container.',
    );
  }
  const what = file === undefined ? 'the listing' : file.path;
  return failure(
    'http-failed',
    `${address.name}: ${what} was answered with ${status} ${code}`.trim(),
    code === 'BlobArchived'
      ? 'It is in the archive tier: rehydrate it first.'
      : 'Look the code up in "Blob Storage error codes", and run it again if it may pass.',
  );
}

function forbidden({ address, identity = 'who we are' }: Asked, answer: string): Error {
  const scope = `storage account "${address.account}"`;
  return failure(
    'blob-forbidden',
    `${address.name} may not be read (${answer}) by the identity of: ${identity}`,
    answer.endsWith('AuthorizationFailure')
      ? `The network rules of the ${scope} may keep this machine out; if not, give the identity the role "Storage Blob Data Reader" there.`
      : `Give it the role "Storage Blob Data Reader" on the container or the ${scope}; a new role takes up to ten minutes. "Owner" and "Contributor" may not read data.`,
  );
}

function notReached(error: RestError, { account, container }: BlobAddress): Error {
  // Not as the cause: it holds the request.
  const plain = Object.assign(new Error(error.message.split(/\r?\n/)[0]), { code: error.code });
  if (error.code === 'ENOTFOUND') {
    return failure(
      'blob-account-unknown',
      `there is no storage account "${account}": ${new URL(container).host} has no address`,
      'Correct its name in "data". In another cloud than the public one, EDGELOOP_BLOB_ENDPOINT names the endpoint; behind a private endpoint, this machine needs its DNS.',
    );
  }
  return lastingFailure(container, { error: plain }) ?? httpFailed(container, { error: plain });
}
