import { type BlobAddress, parseBlobAddress } from '../azure/blob-address.ts';
import { openHttpFolder, type RemoteStore } from '../dataset/index.ts';
import { misuse } from '../errors.ts';
import type { LoopDeps } from './workspace.ts';

/** The store of data that lie elsewhere; `undefined` for paths. */
export function openRemoteData(
  setting: 'data.train' | 'data.holdout',
  named: readonly string[],
  deps: Pick<LoopDeps, 'environment' | 'idToken' | 'mask'>,
): RemoteStore | undefined {
  const address = named.find((path) => /^([a-z][a-z0-9+.-]+:\/\/|azureml:)/i.test(path));
  if (address === undefined) return undefined;
  if (named.length > 1) {
    throw misuse(
      'data-unsupported',
      `"${setting}" lists ${address} beside other data`,
      'Name one address, or local paths only.',
    );
  }
  if (/^azureblob:/i.test(address)) return openLazily(parseBlobAddress(address, deps.environment), deps);
  if (/^https?:/i.test(address)) return openHttpFolder(address);
  throw misuse(
    'data-unsupported',
    `"${setting}" is ${address}, which cannot be read yet`,
    'Name a local path, azureblob://ACCOUNT/CONTAINER/PREFIX, or the https:// address of a folder with an index.json.',
  );
}

/** Azure's SDKs are loaded when the data are first asked for. */
function openLazily(
  address: BlobAddress,
  { environment, idToken, mask }: Pick<LoopDeps, 'environment' | 'idToken' | 'mask'>,
): RemoteStore {
  let opened: Promise<RemoteStore> | undefined;
  const open = async (): Promise<RemoteStore> => {
    const [{ openBlobData }, { azureCredential }] = await Promise.all([
      import('../azure/blob-data.ts'),
      import('../azure/identity.ts'),
    ]);
    return openBlobData(address, azureCredential(environment, { idToken, mask }));
  };
  const store = () => (opened ??= open());
  return {
    name: address.name,
    ranges: true,
    list: async (signal) => (await store()).list(signal),
    read: async (...asked) => (await store()).read(...asked),
  };
}
