import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import {
  BlobServiceClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import type { Assets } from './assets.ts';
import { text } from './answer.ts';

/** A storage account: Azurite's (`test/fixtures/azurite.ts`). */
export interface Storage {
  url: string;
  account: string;
  key: string;
  /** Where clients are sent with a SAS, a fault proxy perhaps; default: `url`. */
  sasUrl?: string;
}

interface Place {
  account: string;
  container: string;
  path: string;
}

/** The workspace's storage, as its trainings see it. */
export interface Blobs {
  account: string;
  /** Container of `workspaceblobstore`. */
  container: string;
  /** Brings what a URI means into a folder, and says where it is: a folder, or for `uri_file` a file. */
  fetch(uri: string, type: string, folder: string): Promise<string>;
  /** Puts all files below a folder where a URI says. */
  store(from: string, uri: string): Promise<void>;
  /** Puts a file there, where there is one. */
  storeFile(from: string, uri: string): Promise<void>;
  /** A new container and a SAS that may fill it, as `startPendingUpload` gives it. */
  pendingUpload(container: string): Promise<{ blobUri: string; sasUri: string }>;
}

/** Names of datastores, with the container of each. */
export const DATASTORES = ['workspaceblobstore', 'workspaceartifactstore'];

const OWN_URL = /^https:\/\/127\.0\.0\.1:\d+\/([^/]+)\/([^/?]+)\/?([^?]*)/;
const AZURE_URL = /^https:\/\/([a-z0-9]+)\.blob\.[^/]+\/([^/?]+)\/?([^?]*)/;
const WASBS = /^wasbs:\/\/([^@/]+)@([a-z0-9]+)\.[^/]+\/?(.*)/;

/** Opens Azurite as the storage of a workspace, with one new container for its datastore. */
export async function openBlobs(storage: Storage, container: string, assets: Assets): Promise<Blobs> {
  const credential = new StorageSharedKeyCredential(storage.account, storage.key);
  const service = new BlobServiceClient(`${storage.url}/${storage.account}`, credential);
  await service.getContainerClient(container).createIfNotExists();

  const placeOf = (uri: string): Place => {
    const asset =
      /^azureml:([^/:]+):([^/]+)$/.exec(uri) ?? /\/(?:data|models)\/([^/]+)\/versions\/([^/]+)$/.exec(uri);
    if (asset !== null) {
      const [, name = '', version = ''] = asset;
      const found = assets.version('data', name, version) ?? assets.version('models', name, version);
      const at = text(found?.properties['dataUri']) ?? text(found?.properties['modelUri']);
      if (at === undefined) throw new Error(`there is no asset ${name}:${version} (${uri})`);
      return placeOf(at);
    }
    const inStore = /^azureml:\/\/(?:.*\/)?datastores\/([^/]+)\/paths\/(.*)$/s.exec(uri);
    if (inStore !== null) {
      const [, name = '', path = ''] = inStore;
      if (!DATASTORES.includes(name)) throw new Error(`there is no datastore ${name} (${uri})`);
      return { account: storage.account, container, path };
    }
    const web = OWN_URL.exec(uri) ?? AZURE_URL.exec(uri);
    if (web !== null) {
      const [, account = '', inside = '', path = ''] = web;
      return { account, container: inside, path: decodeURIComponent(path) };
    }
    const [, inside, account = '', path = ''] = WASBS.exec(uri) ?? [];
    if (inside === undefined) throw new Error(`Azure Machine Learning reads no ${uri}`);
    return { account, container: inside, path };
  };
  const clientOf = ({ account, container: inside }: Place) => {
    if (account !== storage.account) throw new Error(`there is no storage account ${account}`);
    return service.getContainerClient(inside);
  };

  return {
    account: storage.account,
    container,
    async fetch(uri, type, folder) {
      const place = placeOf(uri);
      const client = clientOf(place);
      await mkdir(folder, { recursive: true });
      if (type === 'uri_file') {
        const file = join(folder, basename(place.path));
        await client.getBlobClient(place.path).downloadToFile(file);
        return file;
      }
      const prefix = place.path.replace(/\/+$/, '');
      let files = 0;
      for await (const { name } of client.listBlobsFlat({ prefix: prefix === '' ? '' : `${prefix}/` })) {
        const target = resolve(folder, name.slice(prefix === '' ? 0 : prefix.length + 1));
        if (!target.startsWith(folder + sep)) throw new Error(`the blob ${name} leaves its folder`);
        await mkdir(dirname(target), { recursive: true });
        await client.getBlobClient(name).downloadToFile(target);
        files += 1;
      }
      if (files === 0) throw new Error(`${uri} has no files`);
      return folder;
    },
    async store(from, uri) {
      const place = placeOf(uri);
      const client = clientOf(place);
      const prefix = place.path.replace(/\/+$/, '');
      const entries = await readdir(from, { recursive: true, withFileTypes: true });
      for (const entry of entries.filter((one) => one.isFile())) {
        const file = join(entry.parentPath, entry.name);
        const below = relative(from, file).split(sep).join('/');
        await client.getBlockBlobClient(prefix === '' ? below : `${prefix}/${below}`).uploadFile(file);
      }
    },
    async storeFile(from, uri) {
      const place = placeOf(uri);
      if (existsSync(from)) await clientOf(place).getBlockBlobClient(place.path).uploadFile(from);
    },
    async pendingUpload(name) {
      const client = service.getContainerClient(name);
      await client.createIfNotExists();
      const sas = generateBlobSASQueryParameters(
        {
          containerName: name,
          permissions: ContainerSASPermissions.parse('racwl'),
          expiresOn: new Date(Date.now() + 3_600_000),
        },
        credential,
      );
      return {
        blobUri: `https://${storage.account}.blob.core.windows.net/${name}`,
        sasUri: `${storage.sasUrl ?? storage.url}/${storage.account}/${name}?${sas}`,
      };
    },
  };
}
