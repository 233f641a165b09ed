import { type BlobItem, ContainerClient } from '@azure/storage-blob';
import { Readable } from 'node:stream';
import type { DatasetFile, RemoteStore } from '../dataset/index.ts';
import { EdgeloopError } from '../errors.ts';
import { httpFailed } from '../http-failure.ts';
import { retryWaitMs } from '../http.ts';
import { pause } from '../pause.ts';
import type { BlobAddress } from './blob-address.ts';
import { blobFailure } from './blob-failures.ts';
import type { AzureCredential } from './identity.ts';

/** Between two pieces of an answer. */
const IDLE_MS = 60_000;
/** The most that the service gives. */
const PAGE_SIZE = 5000;
/** How often a transfer is begun again that brought nothing before it was cut. */
const VAIN_TRIES = 4;
// The SDK's own wait, from 4 s to 2 min, is longer than a person waits for a plan.
const RETRIES = { maxTries: 5, retryDelayInMs: 500, maxRetryDelayInMs: 30_000 };

export interface BlobDataOptions {
  /** How long nothing may come. Default a minute. */
  idleMs?: number;
  /** Blobs in one answer of a listing. */
  pageSize?: number;
}

/**
 * Data in Azure Blob Storage: all blobs below the prefix, or the one blob of that name. A listing names them by ETag,
 * MD5 and version id; each is read in that version, or on the condition that its ETag is still that one.
 */
export function openBlobData(
  address: BlobAddress,
  credential: AzureCredential,
  { idleMs = IDLE_MS, pageSize = PAGE_SIZE }: BlobDataOptions = {},
): RemoteStore {
  const container = new ContainerClient(address.container, credential, { retryOptions: RETRIES });
  let folder: string | undefined;
  const asking = async <T>(work: () => Promise<T>, file?: DatasetFile): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw blobFailure(error, { address, identity: credential.source, file });
    }
  };
  return {
    name: address.name,
    list: (signal) =>
      asking(async () => {
        const listing = { container, signal, idleMs, pageSize };
        const own = await findBlob(listing, address.prefix);
        folder = own === undefined ? folderOf(address.prefix) : parentOf(address.prefix);
        const blobs = own === undefined ? await blobsBelow(listing, folder) : [own];
        return blobs.map((blob) => entryOf(blob, folder ?? ''));
      }),
    async read(file, take, signal) {
      const blob = container.getBlobClient(`${folder ?? folderOf(address.prefix)}${file.path}`);
      const exact = file.version === undefined ? blob : blob.withVersion(file.version);
      const conditions =
        file.version === undefined && file.etag !== undefined ? { ifMatch: `"${file.etag}"` } : {};
      const open = (offset: number, abortSignal: AbortSignal) =>
        asking(async () => {
          const { readableStreamBody: body } = await exact.download(offset, undefined, {
            abortSignal,
            conditions,
          });
          // In Node it always is one.
          if (!(body instanceof Readable)) throw new Error('the answer has no body');
          return body;
        }, file);
      await take(bytesOf(open, { url: blob.url, size: file.size, signal, idleMs }));
    },
  };
}

interface Waiting {
  /** The user's, to cancel. */
  signal: AbortSignal | undefined;
  idleMs: number;
}

type Listing = Waiting & { container: ContainerClient; pageSize: number };

const folderOf = (prefix: string): string => (prefix === '' ? '' : `${prefix}/`);
const parentOf = (name: string): string => name.slice(0, name.lastIndexOf('/') + 1);

/**
 * The blob of exactly this name, which is not a folder of a hierarchical namespace. Looked for first: there, a listing
 * below a file is an error.
 */
async function findBlob(listing: Listing, name: string): Promise<BlobItem | undefined> {
  if (name === '') return undefined;
  for await (const blobs of pages({ ...listing, pageSize: 1 }, name)) {
    // It is the first of all names that begin with it.
    const [first] = blobs;
    if (first !== undefined) return first.name === name && !isFolder(first) ? first : undefined;
  }
  return undefined;
}

async function blobsBelow(listing: Listing, folder: string): Promise<BlobItem[]> {
  const found: BlobItem[] = [];
  for await (const blobs of pages(listing, folder)) {
    for (const blob of blobs) if (!isFolder(blob)) found.push(blob);
  }
  return found;
}

async function* pages(
  { container, pageSize: maxPageSize, ...waiting }: Listing,
  prefix: string,
): AsyncGenerator<BlobItem[]> {
  using patience = waitFor(container.url, waiting);
  const options = { prefix, includeMetadata: true, abortSignal: patience.signal };
  try {
    for await (const { segment } of container.listBlobsFlat(options).byPage({ maxPageSize })) {
      patience.renew();
      yield segment.blobItems;
    }
  } catch (error) {
    throw patience.failed() ?? error;
  }
}

/** A folder of a hierarchical namespace says so; other tools make an empty blob that ends with "/". */
function isFolder({ name, metadata, properties }: BlobItem): boolean {
  return metadata?.['hdi_isfolder'] === 'true' || (name.endsWith('/') && properties.contentLength === 0);
}

function entryOf({ name, versionId, properties }: BlobItem, folder: string): DatasetFile {
  const { contentLength: size = 0, contentMD5, etag } = properties;
  return {
    path: name.slice(folder.length),
    size,
    etag: etag.replaceAll('"', ''),
    ...(contentMD5?.length === 16 && { md5: Buffer.from(contentMD5).toString('hex') }),
    ...(versionId && { version: versionId }),
  };
}

/** The bytes of a blob; a transfer that is cut, or brings nothing any more, goes on where it was. */
async function* bytesOf(
  open: (offset: number, signal: AbortSignal) => Promise<Readable>,
  { url, size, ...waiting }: { url: string; size: number } & Waiting,
): AsyncGenerator<Buffer> {
  const { signal } = waiting;
  let at = 0;
  for (let vain = 1; at < size; vain++) {
    const from = at;
    using patience = waitFor(url, waiting);
    try {
      for await (const chunk of await open(at, patience.signal)) {
        patience.renew();
        at += chunk.length;
        yield chunk;
      }
      if (at < size) throw new Error(`${at} of ${size} bytes came`);
    } catch (error) {
      signal?.throwIfAborted();
      // An answer that says no; the SDK has tried it again where that may help.
      if (error instanceof EdgeloopError) throw error;
      if (at > from) vain = 1;
      if (vain >= VAIN_TRIES) throw patience.failed() ?? httpFailed(url, { error });
      await pause(retryWaitMs(vain), signal);
    }
  }
}

interface Patience extends Disposable {
  /** Aborted by the user, or when nothing was renewed for so long. */
  signal: AbortSignal;
  renew(): void;
  /** The failure that nothing came. */
  failed(): Error | undefined;
}

function waitFor(url: string, { signal: user, idleMs }: Waiting): Patience {
  const idle = new AbortController();
  const nothing = httpFailed(url, { error: new Error(`nothing came for ${idleMs / 1000} s`) });
  const timer = setTimeout(() => idle.abort(nothing), idleMs).unref();
  return {
    signal: AbortSignal.any([idle.signal, ...(user === undefined ? [] : [user])]),
    renew: () => void timer.refresh(),
    failed: () => (idle.signal.aborted ? nothing : undefined),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
