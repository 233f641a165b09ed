import { RestError } from '@azure/storage-blob';
import { lstat } from 'node:fs/promises';
import { basename } from 'node:path';
import { byteCount } from '../../../byte-count.ts';
import { failure, misuse } from '../../../errors.ts';
import { fileCount } from '../../../file-count.ts';
import type { ServiceLog, TrainingData } from '../../../training/index.ts';
import { type BlobAddress, parseBlobAddress } from '../../blob-address.ts';
import { openContainer } from '../../blob-container.ts';
import { blobFailure } from '../../blob-failures.ts';
import { uploadToDatastore } from './datastore-upload.ts';
import { blobsIn, blobsOfUri, datastoreUri, readDatastore } from '../datastore.ts';
import type { JobData } from '../submit/job-body.ts';
import { filesToSend, withMd5 } from './local-files.ts';
import { makeOnce } from './make-once.ts';
import { ML_TAG } from '../job-names.ts';
import type { MlWorkspace } from '../workspace.ts';

type DataType = JobData['type'];

/**
 * The data asset by which a job gets the training data: one for each dataset's digest, so that no command and no log
 * holds a path. Data on this disk are uploaded once; data in Blob Storage stay where they are. Throws what `requireSame`
 * of the data throws, and then makes none.
 */
export async function provideDataAsset(
  ml: MlWorkspace,
  { model, data }: { model: string; data: TrainingData },
  log: ServiceLog,
): Promise<JobData> {
  if ('address' in data.at && data.at.address.startsWith('azureml:')) {
    const { id, type } = await readDataAsset(ml, data.at.address);
    return { id, type };
  }
  const [name, version] = [`edgeloop-${model}`, data.digest.replace('sha256:', '')];
  const id = `${ml.id}/data/${name}/versions/${version}`;
  let type: DataType | undefined;
  await makeOnce(ml, `the data asset ${name}:${version}`, {
    find: async () => {
      const found = await ml.client.dataVersions.get(...ml.at, name, version);
      type = typeOf(found.properties.dataType);
      return found;
    },
    make: async () => {
      const { at } = data;
      const placed = 'address' in at ? await inPlace(ml, at.address) : await upload(ml, at, data, log);
      type = placed.dataType;
      const tags = { [ML_TAG.model]: model, [ML_TAG.dataset]: data.digest };
      await ml.client.dataVersions.createOrUpdate(...ml.at, name, version, {
        properties: { ...placed, tags },
      });
    },
  });
  if (type === undefined) throw unsupported(`azureml:${name}:${version}`, 'another type than ours');
  return { id, type };
}

/** Where the data lie that a data asset names. Throws `data-asset-unknown`, `data-asset-unsupported`. */
export async function resolveDataAsset(ml: MlWorkspace, asset: string): Promise<BlobAddress> {
  return blobsOfUri(ml, (await readDataAsset(ml, asset)).uri);
}

async function readDataAsset(ml: MlWorkspace, asset: string): Promise<JobData & { uri: string }> {
  const [, name, version] = /^azureml:([\w.-]+):([\w.-]+)$/.exec(asset) ?? [];
  if (name === undefined || version === undefined) {
    throw misuse(
      'data-asset-unsupported',
      `"${asset}" names no version of a data asset`,
      'Write azureml:NAME:VERSION: what a label names may be something else tomorrow.',
    );
  }
  const found = await ml.finding(`reading the data asset ${asset}`, () =>
    ml.client.dataVersions.get(...ml.at, name, version),
  );
  if (found === undefined) {
    throw failure(
      'data-asset-unknown',
      `the workspace "${ml.settings.workspace}" has no data asset ${name} with the version ${version}`,
      `Look at: az ml data list --name ${name}`,
    );
  }
  const { dataType, dataUri } = found.properties;
  const type = typeOf(dataType);
  if (type === undefined) throw unsupported(asset, dataType);
  return { id: `${ml.id}/data/${name}/versions/${version}`, type, uri: dataUri };
}

function typeOf(dataType: string): DataType | undefined {
  return dataType === 'uri_folder' || dataType === 'uri_file' ? dataType : undefined;
}

function unsupported(asset: string, type: string): Error {
  return misuse(
    'data-asset-unsupported',
    `the data asset ${asset} is of the type ${type}, whose files Edgeloop cannot tell apart`,
    'Name one of the type uri_folder or uri_file.',
  );
}

type Placed = { dataType: DataType; dataUri: string };

/** Data in Blob Storage: a blob, or all below a folder. */
async function inPlace(ml: MlWorkspace, name: string): Promise<Placed> {
  const address = parseBlobAddress(name, ml.environment);
  const isFile = await isBlob(ml, address);
  const path = isFile ? address.prefix : address.prefix === '' ? '' : `${address.prefix}/`;
  const isOwn = blobsIn(await readDatastore(ml), '', ml).container === address.container;
  return {
    dataType: isFile ? 'uri_file' : 'uri_folder',
    // The workspace may read its own datastore; elsewhere the compute needs a role of its own.
    dataUri: isOwn ? datastoreUri(path) : `${address.container}/${encodeURI(path).replaceAll('#', '%23')}`,
  };
}

async function isBlob(ml: MlWorkspace, address: BlobAddress): Promise<boolean> {
  if (address.prefix === '') return false;
  const { credential, signal } = ml;
  const container = openContainer(address.container, credential);
  const options = { ...(signal && { abortSignal: signal }) };
  try {
    const { metadata } = await container.getBlobClient(address.prefix).getProperties(options);
    return metadata?.['hdi_isfolder'] !== 'true';
  } catch (error) {
    if (error instanceof RestError && error.statusCode === 404) return false;
    throw blobFailure(error, { address, identity: credential.source });
  }
}

/**
 * The asset keeps its digest for ever: data that were changed while they were sent must not get it, nor lie where the
 * right ones are looked for.
 */
async function upload(
  ml: MlWorkspace,
  { path, requireSame }: Extract<TrainingData['at'], { path: string }>,
  data: TrainingData,
  log: ServiceLog,
): Promise<Placed> {
  const below = `edgeloop/data/${data.digest.replace('sha256:', '')}`;
  const files = await withMd5(await filesToSend(path));
  log('info', `uploading the training data: ${fileCount(files.length)}, ${byteCount(data.bytes)}`, {
    to: below,
  });
  await uploadToDatastore(ml, files, below, requireSame);
  const isFile = (await lstat(path)).isFile();
  return {
    dataType: isFile ? 'uri_file' : 'uri_folder',
    dataUri: datastoreUri(`${below}/${isFile ? basename(path) : ''}`),
  };
}
