import { z } from 'zod';
import { failure, misuse } from '../../errors.ts';
import { type BlobAddress, parseBlobAddress } from '../blob-address.ts';
import type { MlWorkspace } from './workspace.ts';

/** A place in Blob Storage that a datastore of the workspace names. */
export interface Datastore {
  name: string;
  account: string;
  container: string;
}

const datastoreSchema = z.object({ accountName: z.string().min(1), containerName: z.string().min(1) });

/** Where code, data and outputs go when nobody says otherwise: the datastore that every workspace is made with. */
export const DEFAULT_DATASTORE = 'workspaceblobstore';

/** Reads a datastore; its keys are never asked for. Throws `datastore-unknown`, `datastore-unsupported`. */
export async function readDatastore(ml: MlWorkspace, name = DEFAULT_DATASTORE): Promise<Datastore> {
  const found = await ml.finding(`reading the datastore ${name}`, () =>
    ml.client.datastores.get(...ml.at, name),
  );
  if (found === undefined) {
    throw failure(
      'datastore-unknown',
      `the workspace "${ml.settings.workspace}" has no datastore "${name}"`,
      'Look at: az ml datastore list',
    );
  }
  const { data } = datastoreSchema.safeParse(found.properties);
  if (data === undefined || found.properties.datastoreType !== 'AzureBlob') {
    throw failure(
      'datastore-unsupported',
      `the datastore "${name}" is of the type ${found.properties.datastoreType}`,
      'Keep the data in a datastore of the type AzureBlob, or name their azureblob:// address.',
    );
  }
  return { name, account: data.accountName, container: data.containerName };
}

/** `azureml://datastores/NAME/paths/PATH`, as a job's inputs and outputs take it. */
export function datastoreUri(path: string, name = DEFAULT_DATASTORE): string {
  return `azureml://datastores/${name}/paths/${path}`;
}

/** The blobs that a datastore holds below a path. */
export function blobsIn({ account, container }: Datastore, path: string, ml: MlWorkspace): BlobAddress {
  const prefix = path.replace(/^\/+|\/+$/g, '');
  return parseBlobAddress(`azureblob://${account}/${container}/${prefix}`, ml.environment);
}

/**
 * The blobs that an asset or a job means by a URI: `azureml://…/datastores/NAME/paths/PATH` (short or long),
 * `https://ACCOUNT.blob.…/CONTAINER/PATH` or `wasbs://CONTAINER@ACCOUNT.blob.…/PATH`. Throws `uri-unsupported`.
 */
export async function blobsOfUri(ml: MlWorkspace, uri: string): Promise<BlobAddress> {
  const [, name, path = ''] = /^azureml:\/\/(?:.*\/)?datastores\/([^/]+)\/paths\/(.*)$/s.exec(uri) ?? [];
  if (name !== undefined) return blobsIn(await readDatastore(ml, name), path, ml);
  const [, container, account, rest = ''] = /^wasbs:\/\/([^@/]+)@([a-z0-9]+)\.[^/]+\/?(.*)$/s.exec(uri) ?? [];
  if (container !== undefined && account !== undefined)
    return blobsIn({ name: '', account, container }, rest, ml);
  const [, host, inside, below = ''] =
    /^https:\/\/([a-z0-9]+)\.blob\.[^/]+\/([^/?]+)\/?([^?]*)$/s.exec(uri) ?? [];
  if (host !== undefined && inside !== undefined)
    return blobsIn({ name: '', account: host, container: inside }, decoded(below), ml);
  throw misuse(
    'uri-unsupported',
    `"${uri.replace(/\?.*/s, '?…')}" names no blobs`,
    'Edgeloop reads azureml://datastores/NAME/paths/PATH of a Blob datastore, https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH and wasbs:// addresses.',
  );
}

/** A path with a "%" that was never encoded is meant as it stands. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
