import { misuse } from '../errors.ts';

/** Where data lie in Azure Blob Storage. */
export interface BlobAddress {
  /** `azureblob://ACCOUNT/CONTAINER/PREFIX`, for messages. */
  name: string;
  account: string;
  /** The container's URL, without anything secret. */
  container: string;
  /** Without a `/` at its ends; empty for the whole container. */
  prefix: string;
}

const ADDRESS = /^azureblob:\/\/([a-z0-9]{3,24})\/([$a-z0-9][-a-z0-9]{2,62})(?:\/([^?]*))?$/;
const PUBLIC_CLOUD = 'https://{account}.blob.core.windows.net';

/**
 * Takes `azureblob://ACCOUNT/CONTAINER/PREFIX` apart. `EDGELOOP_BLOB_ENDPOINT` names the storage endpoint of another
 * cloud, or of Azurite, with `{account}` where the account's name goes; only the environment does, since what answers
 * there is sent a token, and edgeloop.yaml may come from a pull request. Throws the misuse `data-url-invalid`.
 */
export function parseBlobAddress(address: string, environment: NodeJS.ProcessEnv): BlobAddress {
  const [, account, container, path = ''] = ADDRESS.exec(address) ?? [];
  if (account === undefined || container === undefined) {
    throw misuse(
      'data-url-invalid',
      // What stands behind "?" may be the signature of a SAS.
      `"${address.replace(/\?.*/s, '?…').replace(/\/\/[^/]*@/, '//…@')}" does not name data in Azure Blob Storage`,
      'Write azureblob://ACCOUNT/CONTAINER/PREFIX, with the names that Azure has: no host, key or SAS.',
    );
  }
  const prefix = path.replaceAll(/^\/+|\/+$/g, '');
  const name = ['azureblob:/', account, container, ...(prefix === '' ? [] : [prefix])].join('/');
  return { name, account, container: `${endpointOf(account, environment)}/${container}`, prefix };
}

function endpointOf(account: string, environment: NodeJS.ProcessEnv): string {
  const endpoint = environment['EDGELOOP_BLOB_ENDPOINT'] || PUBLIC_CLOUD;
  const url = URL.parse(endpoint.replaceAll('{account}', account));
  if (endpoint.includes('{account}') && url?.protocol === 'https:' && url.username === '')
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  throw misuse(
    'data-url-invalid',
    'what EDGELOOP_BLOB_ENDPOINT holds is not the endpoint of a blob storage',
    `Write it as ${PUBLIC_CLOUD}, or unset it.`,
  );
}
