import type { BlobItem, ContainerClient } from '@azure/storage-blob';
import { Readable } from 'node:stream';
import type { DatasetFile, RemoteStore } from '../dataset/index.ts';
import { httpFailed } from '../http-failure.ts';
import type { BlobAddress } from './blob-address.ts';
import { openContainer } from './blob-container.ts';
import { blobFailure } from './blob-failures.ts';
import type { AzureCredential } from './identity.ts';

/** Between two pieces of an answer. */
const IDLE_MS = 60_000;
/** The most that the service gives. */
const PAGE_SIZE = 5000;

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
  const container = openContainer(address.container, credential);
  let folder: string | undefined;
  let isFile = false;
  const asking = async <T>(work: () => Promise<T>, file?: DatasetFile): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw blobFailure(error, { address, identity: credential.source, file });
    }
  };
  return {
    name: address.name,
    ranges: true,
    get isFile() {
      return isFile;
    },
    list: (signal) =>
      asking(async () => {
        const listing = { container, signal, idleMs, pageSize };
        const own = await findBlob(listing, address.prefix);
        isFile = own !== undefined;
        folder = own === undefined ? folderOf(address.prefix) : parentOf(address.prefix);
        const blobs = own === undefined ? await blobsBelow(listing, folder) : [own];
        return blobs.map((blob) => entryOf(blob, folder ?? ''));
      }),
    async read(file, { from, to }, take, signal) {
      const blob = container.getBlobClient(`${folder ?? folderOf(address.prefix)}${file.path}`);
      const exact = file.version === undefined ? blob : blob.withVersion(file.version);
      const conditions =
        file.version === undefined && file.etag !== undefined ? { ifMatch: `"${file.etag}"` } : {};
      using patience = waitFor({ signal, idleMs });
      // What is cut is gone on with by who reads: the SDK knows no limit for one that is silent.
      const options = { abortSignal: patience.signal, conditions, maxRetryRequests: 0 };
      const count = from === 0 && to === file.size ? undefined : to - from;
      try {
        const answer = await asking(() => exact.download(from, count, options), file);
        // In Node it always is one.
        if (!(answer.readableStreamBody instanceof Readable)) throw new Error('the answer has no body');
        await take(patience.watch(answer.readableStreamBody), from);
      } catch (error) {
        throw patience.isOver() ? new Error(`nothing came for ${idleMs / 1000} s`) : error;
      }
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
  using patience = waitFor(waiting);
  const options = { prefix, includeMetadata: true, abortSignal: patience.signal };
  try {
    for await (const { segment } of container.listBlobsFlat(options).byPage({ maxPageSize })) {
      patience.renew();
      yield segment.blobItems;
    }
  } catch (error) {
    throw patience.isOver() ? silent(container.url, waiting) : error;
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

function silent(url: string, { idleMs }: Waiting): Error {
  return httpFailed(url, { error: new Error(`nothing came for ${idleMs / 1000} s`) });
}

interface Patience extends Disposable {
  /** Aborted by the user, or when nothing was renewed for so long. */
  signal: AbortSignal;
  renew(): void;
  /** Passes a body on, and is renewed by each piece of it. */
  watch(body: AsyncIterable<Buffer>): AsyncIterable<Buffer>;
  isOver(): boolean;
}

function waitFor({ signal: user, idleMs }: Waiting): Patience {
  const idle = new AbortController();
  const timer = setTimeout(() => idle.abort(), idleMs).unref();
  return {
    signal: AbortSignal.any([idle.signal, ...(user === undefined ? [] : [user])]),
    renew: () => void timer.refresh(),
    async *watch(body) {
      for await (const chunk of body) {
        timer.refresh();
        yield chunk;
      }
    },
    isOver: () => idle.signal.aborted,
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
