import { describe, expect, it } from 'vitest';
import { parseBlobAddress } from './blob-address.ts';

describe('an address in Azure Blob Storage', () => {
  it.each([
    [
      'azureblob://churndata/models/data/train',
      'https://churndata.blob.core.windows.net/models',
      'data/train',
    ],
    [
      'azureblob://churndata/models/data/train/',
      'https://churndata.blob.core.windows.net/models',
      'data/train',
    ],
    ['azureblob://churndata/$web', 'https://churndata.blob.core.windows.net/$web', ''],
  ])('%s names account, container and folder', (address, container, prefix) => {
    expect(parseBlobAddress(address, {})).toMatchObject({ account: 'churndata', container, prefix });
  });

  it.each([
    ['https://{account}.blob.core.chinacloudapi.cn', 'https://churndata.blob.core.chinacloudapi.cn/models'],
    ['https://127.0.0.1:10000/{account}/', 'https://127.0.0.1:10000/churndata/models'],
    ['', 'https://churndata.blob.core.windows.net/models'],
  ])('lies where EDGELOOP_BLOB_ENDPOINT says: %s', (EDGELOOP_BLOB_ENDPOINT, container) => {
    const address = parseBlobAddress('azureblob://churndata/models/x', { EDGELOOP_BLOB_ENDPOINT });
    expect(address.container).toBe(container);
  });

  it.each([
    'azureblob://churndata',
    'azureblob://evil.example#/models/x',
    'azureblob://Churn-Data/models/x',
    'azureblob://user:hunter2@churndata/models/x',
    'azureblob://churndata/models/x?sv=2026&sig=hunter2',
    'azureblob://churndata.blob.core.windows.net/models/x',
  ])('is not %s', (address) => {
    const parse = () => parseBlobAddress(address, {});
    expect(parse).toThrow(expect.objectContaining({ code: 'data-url-invalid', exitCode: 2 }));
    expect(parse).not.toThrow(/hunter2/);
  });

  it.each([
    'http://127.0.0.1:10000/{account}',
    'https://example.com',
    'https://a:hunter2@h/{account}',
    '{account}',
  ])('lies at no endpoint that a token must not be sent to: %s', (EDGELOOP_BLOB_ENDPOINT) => {
    const parse = () => parseBlobAddress('azureblob://churndata/models/x', { EDGELOOP_BLOB_ENDPOINT });
    expect(parse).toThrow(expect.objectContaining({ code: 'data-url-invalid', exitCode: 2 }));
    expect(parse).not.toThrow(/hunter2/);
  });
});
