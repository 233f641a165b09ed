// Data in Azure Blob Storage: Microsoft's SDK against Microsoft's emulator, behind a proxy that counts and breaks.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BlobDataOptions, openBlobData } from '../../src/azure/blob-data.ts';
import { parseBlobAddress } from '../../src/azure/blob-address.ts';
import { type DatasetFile, describeRemote, downloadRemote, parseManifest } from '../../src/dataset/index.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type Azurite, azuriteAvailable, startAzurite } from '../fixtures/azurite.ts';
import { scratchFolder } from '../fixtures/oci-layout.ts';

const READS = { method: 'GET', path: /^(?!.*comp=list)/ };

describe.skipIf(!azuriteAvailable())('data in Azure Blob Storage', () => {
  let azurite: Azurite;
  let proxy: FaultProxy;
  let container: ContainerClient;
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let count = 0;
  beforeAll(async () => {
    azurite = await startAzurite();
    scratch = await scratchFolder();
    proxy = await startFaultProxy(azurite.url, {
      tls: await azurite.authority.issue('proxy', 'IP:127.0.0.1'),
      authority: azurite.authority.certificate,
    });
  });
  afterAll(async () => {
    await proxy?.stop();
    await azurite?.stop();
    await scratch?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    proxy.heal();
    proxy.requests.length = 0;
    count += 1;
    container = await azurite.container(`data-${count}`);
  });

  const put = (name: string, content: string | Buffer, metadata?: Record<string, string>) =>
    container
      .getBlockBlobClient(name)
      .upload(content, Buffer.byteLength(content), { ...(metadata && { metadata }) });
  const open = (prefix: string, settings?: BlobDataOptions) => {
    const address = `azureblob://${azurite.account}/${container.containerName}${prefix === '' ? '' : `/${prefix}`}`;
    const endpoint = { EDGELOOP_BLOB_ENDPOINT: `${proxy.url}/{account}` };
    return openBlobData(
      parseBlobAddress(address, endpoint),
      {
        source: 'test',
        getToken: async () => ({ token: azurite.token(), expiresOnTimestamp: Date.now() + 3_600_000 }),
      },
      settings,
    );
  };
  const filesAt = async (prefix: string) =>
    parseManifest(await (await describeRemote(open(prefix))).manifest());
  const digestOf = async (prefix: string) => (await describeRemote(open(prefix))).digest;
  const target = () => join(scratch.path, `data-${count}`);
  /** Downloads what was planned; a store that was opened anew has nothing but the plan. */
  const download = (
    files: DatasetFile[],
    prefix: string,
    { signal, ...settings }: { signal?: AbortSignal; idleMs?: number } = {},
  ) =>
    downloadRemote(open(prefix, settings), files, target(), {
      cache: join(scratch.path, 'cache'),
      ...(signal && { signal }),
    });
  const reads = () => proxy.requests.filter(({ path }) => READS.path.test(path));

  it('are all blobs below the folder, named without a byte of them', async () => {
    await put('data/train/b.csv', 'b');
    await put('data/train/deep/ä 100%+#.csv', 'umlaut');
    await put('data/train2/c.csv', 'c');
    await put('data/train', '', { hdi_isfolder: 'true' });
    await put('data/train/deep', '', { hdi_isfolder: 'true' });
    await put('data/train/empty/', '');
    const files = await filesAt('data/train');
    expect(files.map(({ path, size }) => [path, size])).toEqual([
      ['b.csv', 1],
      ['deep/ä 100%+#.csv', 6],
    ]);
    expect(files[0]).toEqual({
      path: 'b.csv',
      size: 1,
      md5: '92eb5ffee6ae2fec3ad71c777531578f',
      etag: expect.stringMatching(/^0x[0-9A-F]+$/),
    });
    expect(reads()).toEqual([]);
    const folder = await download(files, 'data/train/');
    expect(readFileSync(join(folder, 'deep/ä 100%+#.csv'), 'utf8')).toBe('umlaut');
  });

  it('have one digest until a blob is changed, added or removed', async () => {
    await put('train/a.csv', 'a');
    await put('train/b.csv', 'b');
    const digests = [await digestOf('train'), await digestOf('train')];
    expect(digests[1]).toBe(digests[0]);
    await put('train/a.csv', 'A');
    digests.push(await digestOf('train'));
    await put('train/c.csv', 'c');
    digests.push(await digestOf('train'));
    await container.deleteBlob('train/b.csv');
    digests.push(await digestOf('train'));
    expect(new Set(digests).size).toBe(4);
  });

  it('may be one blob, or all of a container', async () => {
    await put('data/holdout.csv', 'h');
    await put('data/holdout.csv.bak', 'x');
    expect((await filesAt('data/holdout.csv')).map(({ path }) => path)).toEqual(['holdout.csv']);
    expect((await filesAt('')).map(({ path }) => path)).toEqual(['data/holdout.csv', 'data/holdout.csv.bak']);
    const store = open('data/holdout.csv');
    const files = await store.list();
    const folder = await downloadRemote(store, files, target(), { cache: join(scratch.path, 'cache') });
    expect(readFileSync(join(folder, 'holdout.csv'), 'utf8')).toBe('h');
  });

  it('are listed page after page', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'].map((name) => `train/${name}.csv`);
    await Promise.all(names.map((name) => put(name, name)));
    const files = await open('train', { pageSize: 2 }).list();
    expect(files.map(({ path }) => `train/${path}`)).toEqual(names);
    expect(proxy.requests.filter(({ path }) => /[?&]marker=\w/.test(path))).toHaveLength(2);
  });

  it.each([
    ['written again', () => put('train/a.csv', 'A')],
    ['removed', () => container.deleteBlob('train/a.csv')],
  ])('are refused when a blob was %s after they were planned', async (_, change) => {
    await put('train/a.csv', 'a');
    const files = await filesAt('train');
    await change();
    await expect(download(files, 'train')).rejects.toMatchObject({
      code: 'remote-changed',
      message: expect.stringMatching(/a\.csv is not there any more as it was planned \(4(04|12) \w+\)/),
    });
    expect(existsSync(target())).toBe(false);
  });

  it('are refused when a blob is written again while it is read', async () => {
    await put('train/a.bin', randomBytes(4_000_000));
    const files = await filesAt('train');
    proxy.fault({ fault: 'stall', of: 'answer', afterBytes: 1_000_000 }, READS);
    const downloaded = download(files, 'train', { idleMs: 500 });
    await expect.poll(() => reads().length).toBe(1);
    await put('train/a.bin', randomBytes(4_000_000));
    await expect(downloaded).rejects.toMatchObject({ code: 'remote-changed' });
    expect(reads().map(({ status }) => status)).toEqual([200, 412]);
  });

  it('go on where they were cut or stalled', async () => {
    const content = randomBytes(24_000_000);
    await put('train/a.bin', content);
    const files = await filesAt('train');
    proxy.fault({ fault: 'truncate', afterBytes: 9_000_000 }, READS);
    proxy.fault({ fault: 'stall', of: 'answer', afterBytes: 7_000_000 }, { ...READS, nth: 2 });
    proxy.fault({ fault: 'answer', status: 503 }, { ...READS, nth: 3 });
    const folder = await download(files, 'train', { idleMs: 1000 });
    expect(readFileSync(join(folder, 'a.bin')).equals(content)).toBe(true);
    expect(reads().flatMap(({ faults }) => faults)).toEqual(['truncate', 'stall', 'answer']);
    expect(reads().at(-1)?.headers).toMatchObject({ 'if-match': `"${files[0]?.etag}"` });
    expect(proxy.bytes(READS).answer).toBeLessThanOrEqual(1.02 * content.length);
  });

  it('come several at once, and end when they are cancelled', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `train/${index}.csv`);
    await Promise.all(names.map((name) => put(name, 'some text')));
    const files = await filesAt('train');
    proxy.fault({ fault: 'stall', of: 'answer', afterBytes: 4 }, { ...READS, times: Infinity });
    const cancelled = new AbortController();
    const downloaded = download(files, 'train', { signal: cancelled.signal });
    downloaded.catch(() => {});
    await expect.poll(() => reads().length).toBe(8);
    cancelled.abort(new Error('the user has gone'));
    await expect(downloaded).rejects.toThrow('the user has gone');
    expect(reads()).toHaveLength(8);
    expect(existsSync(target())).toBe(false);
  });

  it('are read in the version that the listing names', async () => {
    await put('train/a.csv', 'a');
    // Azurite has no versions: this is the listing of an account that keeps them, as its documentation has it.
    const body = `<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs><Blob><Name>train/a.csv</Name>
<VersionId>2026-01-02T03:04:05.1234567Z</VersionId><IsCurrentVersion>true</IsCurrentVersion><Properties>
<Etag>0x8D81019EB897C21</Etag><Content-Length>1</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>
</Blobs><NextMarker /></EnumerationResults>`;
    const headers = { 'content-type': 'application/xml' };
    proxy.fault({ fault: 'answer', status: 200, headers, body }, { path: /comp=list/, times: Infinity });
    const files = await filesAt('train');
    expect(files).toEqual([
      { path: 'a.csv', size: 1, etag: '0x8D81019EB897C21', version: '2026-01-02T03:04:05.1234567Z' },
    ]);
    const folder = await download(files, 'train');
    expect(readFileSync(join(folder, 'a.csv'), 'utf8')).toBe('a');
    expect(reads().map(({ path }) => new URL(path, proxy.url).searchParams.get('versionid'))).toEqual([
      '2026-01-02T03:04:05.1234567Z',
    ]);
    expect(reads()[0]?.headers).not.toHaveProperty('if-match');
  });
});
