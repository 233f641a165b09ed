import { type BlobAddress, parseBlobAddress } from '../azure/blob-address.ts';
import { openHttpFolder, type RemoteStore } from '../dataset/index.ts';
import { misuse } from '../errors.ts';
import type { LoopDeps, Workspace } from './workspace.ts';

/** The store of data that lie elsewhere; `undefined` for paths. */
export function openRemoteData(
  setting: 'data.train' | 'data.holdout',
  named: readonly string[],
  workspace: Pick<Workspace, 'azure' | 'deps'>,
): RemoteStore | undefined {
  const address = named.find((path) => /^([a-z][a-z0-9+.-]+:\/\/|azureml:)/i.test(path));
  if (address === undefined) return undefined;
  const { deps } = workspace;
  if (named.length > 1) {
    throw misuse(
      'data-unsupported',
      `"${setting}" lists ${address} beside other data`,
      'Name one address, or local paths only.',
    );
  }
  if (/^azureblob:/i.test(address)) {
    const blobs = parseBlobAddress(address, deps.environment);
    return openLazily(blobs.name, () => openBlobs(blobs, deps));
  }
  if (/^azureml:[\w.-]+:[\w.-]+$/.test(address)) {
    return openLazily(address, async () => {
      const ml = await workspace.azure();
      const { resolveDataAsset } = await import('../azure/ml/assets/data-asset.ts');
      return openBlobs(await resolveDataAsset(ml, address), deps);
    });
  }
  if (/^https?:/i.test(address)) return openHttpFolder(address);
  throw misuse(
    'data-unsupported',
    `"${setting}" is ${address.replace(/\?.*/s, '?…')}, which cannot be read`,
    'Name a local path, azureblob://ACCOUNT/CONTAINER/PREFIX, azureml:NAME:VERSION, or the https:// address of a folder with an index.json.',
  );
}

/** Azure's SDKs are loaded when the data are first asked for. */
function openLazily(name: string, open: () => Promise<RemoteStore>): RemoteStore {
  let opened: Promise<RemoteStore> | undefined;
  let known: RemoteStore | undefined;
  const store = () => (opened ??= open().then((found) => (known = found)));
  return {
    name,
    ranges: true,
    get isFile() {
      return known?.isFile === true;
    },
    list: async (signal) => (await store()).list(signal),
    read: async (...asked) => (await store()).read(...asked),
  };
}

async function openBlobs(
  address: BlobAddress,
  { environment, idToken, mask }: Pick<LoopDeps, 'environment' | 'idToken' | 'mask'>,
): Promise<RemoteStore> {
  const [{ openBlobData }, { azureCredential }] = await Promise.all([
    import('../azure/blob-data.ts'),
    import('../azure/identity.ts'),
  ]);
  return openBlobData(address, azureCredential(environment, { idToken, mask }));
}
