import { type ContainerClient, RestError } from '@azure/storage-blob';
import { eachAtOnce } from '../../../at-once.ts';
import { failure } from '../../../errors.ts';
import { httpFailed } from '../../../http-failure.ts';
import type { BlobAddress } from '../../blob-address.ts';
import { blobFailure } from '../../blob-failures.ts';
import type { LocalFile } from './local-files.ts';

/** Where files go: below the address, which holds no secret, through a client that may. */
export interface UploadTarget {
  container: ContainerClient;
  address: BlobAddress;
  /** Who writes, for messages. */
  identity: () => string | undefined;
  signal: AbortSignal | undefined;
  /** How long nothing may go through. Default five minutes: slow lines move a block at a time. */
  idleMs?: number;
}

const AT_THE_SAME_TIME = 4;
const BLOCKS_AT_THE_SAME_TIME = 2;
/** How long nothing may go through before a file is sent again: the SDK would wait for ever. */
const IDLE_MS = 300_000;
/** How often a file is sent that gets stuck. */
const TRIES = 3;
/** A larger file goes in blocks, which are committed at once: no blob is ever there in part. */
const BLOCK_BYTES = 4 * 1024 * 1024;

/** A blob that was made here. */
export interface MadeBlob {
  /** Of its file. */
  path: string;
  etag: string | undefined;
}

/**
 * Uploads each file that is not there yet; `made` gets those that were not, also when it fails. What somebody else has put there at the same time, or an earlier run, is kept
 * when it has the same size, and the same MD5 where the file's is given: the place is named by the content. Throws
 * `blob-differs`, `blob-write-forbidden` and what `blobFailure` tells.
 */
export async function uploadFiles(
  target: UploadTarget,
  files: readonly LocalFile[],
  made: MadeBlob[] = [],
): Promise<void> {
  await eachAtOnce(files, AT_THE_SAME_TIME, target.signal, async (file, signal) => {
    const blob = await sendFile({ ...target, signal }, file);
    if (blob !== undefined) made.push(blob);
  });
}

/** Takes away what was made, as far as nobody has written there since; it is left where that is not possible. */
export async function removeMade(
  { container, address, signal }: UploadTarget,
  made: readonly MadeBlob[],
): Promise<void> {
  for (const { path, etag } of made) {
    const conditions = { ...(etag !== undefined && { ifMatch: etag }) };
    const blob = container.getBlockBlobClient(nameIn(address, path));
    await blob.delete({ conditions, ...(signal && { abortSignal: signal }) }).catch(() => undefined);
  }
}

const nameIn = ({ prefix }: BlobAddress, path: string): string =>
  prefix === '' ? path : `${prefix}/${path}`;

async function sendFile(
  target: UploadTarget & { signal: AbortSignal },
  file: LocalFile,
): Promise<MadeBlob | undefined> {
  const { signal, idleMs = IDLE_MS } = target;
  for (let tries = 1; ; tries++) {
    const idle = new AbortController();
    const stuck = new Error(`nothing went through for ${idleMs / 1000} s`);
    const timer = setTimeout(() => idle.abort(stuck), idleMs);
    const either = AbortSignal.any([idle.signal, signal]);
    try {
      return await sendOnce({ ...target, signal: either }, file, () => void timer.refresh());
    } catch (error) {
      signal.throwIfAborted();
      if (!idle.signal.aborted) throw error;
      if (tries === TRIES) throw httpFailed(target.address.container, { error: stuck });
    } finally {
      clearTimeout(timer);
    }
  }
}

async function sendOnce(
  target: UploadTarget,
  { path, file, size, md5 }: LocalFile,
  onProgress: () => void,
): Promise<MadeBlob | undefined> {
  const { container, address, signal } = target;
  const blob = container.getBlockBlobClient(nameIn(address, path));
  const options = { ...(signal && { abortSignal: signal }) };
  try {
    const { etag } = await blob.uploadFile(file, {
      ...options,
      onProgress,
      blockSize: BLOCK_BYTES,
      maxSingleShotSize: BLOCK_BYTES,
      concurrency: BLOCKS_AT_THE_SAME_TIME,
      conditions: { ifNoneMatch: '*' },
      ...(md5 && { blobHTTPHeaders: { blobContentMD5: md5 } }),
    });
    return { path, etag };
  } catch (error) {
    if (!(error instanceof RestError && isThere(error))) throw uploadFailure(error, target);
    const { contentLength, contentMD5 } = await blob.getProperties(options).catch((unread: unknown) => {
      throw uploadFailure(unread, target);
    });
    const differs = md5 !== undefined && (contentMD5 === undefined || !md5.equals(contentMD5));
    if (contentLength === size && !differs) return undefined;
    throw failure(
      'blob-differs',
      contentLength === size
        ? `${address.name}/${path} has ${size} bytes, and not those of ${file}`
        : `${address.name}/${path} has ${contentLength} bytes, but ${file} has ${size}`,
      'Somebody else has written there, or the file has changed meanwhile: delete the blob and run it again.',
    );
  }
}

/** Another one was first. The service says 412 or 409, by the operation. */
function isThere({ statusCode, code }: RestError): boolean {
  return code === 'BlobAlreadyExists' || (statusCode === 412 && code === 'ConditionNotMet');
}

function uploadFailure(error: unknown, { address, identity }: UploadTarget): unknown {
  const status = error instanceof RestError ? error.statusCode : undefined;
  if (!(error instanceof RestError) || (status !== 401 && status !== 403))
    return blobFailure(error, { address, identity: identity() });
  const network = error.code === 'AuthorizationFailure';
  return failure(
    'blob-write-forbidden',
    `${address.name} may not be written (${status} ${error.code ?? ''}) by ${identity() ?? 'who we are'}`,
    network
      ? `The network rules of the storage account "${address.account}" may keep this machine out.`
      : `Give it the role "Storage Blob Data Contributor" on the container or the storage account "${address.account}"; a new role takes up to ten minutes.`,
  );
}
