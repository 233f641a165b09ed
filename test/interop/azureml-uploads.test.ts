// What a training on Azure Machine Learning needs in its workspace: code, data and environment, each put there once.
import { ContainerClient } from '@azure/storage-blob';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { provideCode } from '../../src/azure/ml/assets/code.ts';
import { provideDataAsset, resolveDataAsset } from '../../src/azure/ml/assets/data-asset.ts';
import { provideEnvironment } from '../../src/azure/ml/assets/environment.ts';
import { blobsIn } from '../../src/azure/ml/datastore.ts';
import { filesToSend } from '../../src/azure/ml/assets/local-files.ts';
import { uploadFiles } from '../../src/azure/ml/assets/upload.ts';
import type { TrainingData } from '../../src/training/index.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { blobNames, startSubmitScene, type SubmitScene } from '../fixtures/submit-scene.ts';

const CODE_PUT = { method: 'PUT', path: /\/codes\// };
const DATA_PUT = { method: 'PUT', path: /\/data\// };
/** A blob or a block that is written, by the workspace's signature or by the caller's token. */
const isWrite = ({ method, path }: { method: string; path: string }) =>
  method === 'PUT' && !path.includes('restype=container');

/** Container and folder of a blob's URL: the cloud's own or the emulator's. */
const placeOf = (uri: unknown) =>
  /^https:\/\/(?:churndata\.[^/]+|[^/]+\/churndata)\/([^/]+)\/(.*)$/.exec(String(uri))?.slice(1) ?? ['', ''];

describe.skipIf(!azuriteAvailable())('the workspace of a training', () => {
  let scene: SubmitScene;
  let unique = 0;
  beforeAll(async () => {
    scene = await startSubmitScene();
  }, 60_000);
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  });
  afterEach(() => {
    scene.ml.heal();
    scene.proxy.heal();
    scene.ml.may.pendingUpload = true;
  });

  const code = (folder: string) => provideCode(scene.open(), folder, scene.log);
  const data = (wanted: TrainingData) =>
    provideDataAsset(scene.open(), { model: 'churn', data: wanted }, scene.log);
  /** Code that nobody has uploaded yet. */
  const newCode = () => scene.folder({ 'train.py': `print(${unique++})`, 'sub/ü x.py': '' });
  const newData = (at: { address: string } | { path: string }): TrainingData => ({
    ...scene.training().data,
    at: 'path' in at ? { ...at, requireSame: async () => {} } : at,
  });
  const asset = (kind: string, id: string) => {
    const [, name = '', version = ''] = /\/([^/]+)\/versions\/([^/]+)$/.exec(id) ?? [];
    return scene.ml.assets.version(kind, name, version)?.properties ?? {};
  };
  describe('code', () => {
    it('goes where the workspace says, by its signature alone', async () => {
      const before = scene.proxy.requests.length;
      const id = await code(newCode());
      expect(id.replace(scene.ml.id, '')).toMatch(/^\/codes\/edgeloop-[0-9a-f]{32}\/versions\/1$/);
      const { codeUri, properties } = asset('codes', id);
      const [container = '', folder] = placeOf(codeUri);
      expect(folder).toBe('code');
      expect((await blobNames(scene.container(container), 'code/')).toSorted()).toEqual([
        'sub/ü x.py',
        'train.py',
      ]);
      expect(properties).toEqual({
        hash_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        hash_version: '202208',
      });
      const tokens = scene.proxy.requests
        .slice(before)
        .filter(({ headers }) => headers.authorization?.startsWith('Bearer'));
      expect(tokens).toEqual([]);
    });

    it('goes to the default datastore, by the identity of the caller, where no upload is opened', async () => {
      scene.ml.may.pendingUpload = false;
      const { codeUri, properties } = asset('codes', await code(newCode()));
      const [container, folder] = placeOf(codeUri);
      const hash = Reflect.get(Object(properties), 'hash_sha256') as string;
      expect([container, folder]).toEqual([scene.ml.container, `edgeloop/code/${hash}`]);
      expect((await blobNames(scene.container(), `${folder}/`)).toSorted()).toEqual([
        'sub/ü x.py',
        'train.py',
      ]);
    });

    it('goes there as well where the storage takes no key, nor a signature made with one', async () => {
      const body =
        '<?xml version="1.0"?><Error><Code>KeyBasedAuthenticationNotPermitted</Code><Message>No.</Message></Error>';
      const headers = {
        'content-type': 'application/xml',
        'x-ms-error-code': 'KeyBasedAuthenticationNotPermitted',
      };
      scene.proxy.fault(
        { fault: 'answer', status: 403, headers, body },
        { path: /[?&]sig=/, times: Infinity },
      );
      const { codeUri } = asset('codes', await code(newCode()));
      expect(placeOf(codeUri)).toEqual([
        scene.ml.container,
        expect.stringMatching(/^edgeloop\/code\/[0-9a-f]{64}$/),
      ]);
    });

    it.each([true, false])(
      'is registered by a second run when the first one ended in between (upload opened: %s)',
      async (pendingUpload) => {
        scene.ml.may.pendingUpload = pendingUpload;
        const folder = newCode();
        scene.ml.fault({ fault: 'answer', status: 400 }, CODE_PUT);
        await expect(code(folder)).rejects.toMatchObject({ code: 'azure-refused' });
        const id = await code(folder);
        const [container = '', below = ''] = placeOf(asset('codes', id)['codeUri']);
        expect(await blobNames(scene.container(container), `${below}/`)).toHaveLength(2);
      },
    );

    it.each([true, false])(
      'is one asset when two upload it at once (upload opened: %s)',
      async (pendingUpload) => {
        scene.ml.may.pendingUpload = pendingUpload;
        const folder = newCode();
        const [one, other] = await Promise.all([code(folder), code(folder)]);
        expect(one).toBe(other);
        const [container = '', below = ''] = placeOf(asset('codes', one)['codeUri']);
        expect(await blobNames(scene.container(container), `${below}/`)).toHaveLength(2);
      },
    );

    it('tells which role is missing to write', async () => {
      scene.ml.may.pendingUpload = false;
      const headers = { 'x-ms-error-code': 'AuthorizationPermissionMismatch' };
      scene.proxy.fault({ fault: 'answer', status: 403, headers }, { method: 'PUT', times: Infinity });
      await expect(code(newCode())).rejects.toMatchObject({
        code: 'blob-write-forbidden',
        remedy: expect.stringContaining('Storage Blob Data Contributor'),
      });
    });
  });

  describe('data', () => {
    it('on this disk are uploaded once, and are an asset of their digest', async () => {
      const wanted = newData({ path: scene.folder({ 'a.csv': 'a,b\n', 'b/ü c.csv': 'more\n' }) });
      const hex = wanted.digest.replace('sha256:', '');
      const id = `${scene.ml.id}/data/edgeloop-churn/versions/${hex}`;
      expect(await data(wanted)).toEqual({ id, type: 'uri_folder' });
      expect(asset('data', id)).toMatchObject({
        dataType: 'uri_folder',
        dataUri: `azureml://datastores/workspaceblobstore/paths/edgeloop/data/${hex}/`,
        tags: { 'dev.edgeloop.model': 'churn', 'dev.edgeloop.dataset': wanted.digest },
      });
      expect(await blobNames(scene.container(), `edgeloop/data/${hex}/`)).toEqual(['a.csv', 'b/ü c.csv']);
      const before = scene.proxy.requests.length;
      expect(await data(wanted)).toEqual({ id, type: 'uri_folder' });
      expect(scene.proxy.requests.slice(before)).toEqual([]);
    });

    it('that are one file are one', async () => {
      const wanted = newData({ path: `${scene.folder({ 'train.csv': 'a\n' })}/train.csv` });
      const { id, type } = await data(wanted);
      expect(type).toBe('uri_file');
      expect(asset('data', id)['dataUri']).toMatch(/\/train\.csv$/);
      expect(
        await resolveDataAsset(scene.open(), id.replace(/.*data\/(.*)\/versions\//, 'azureml:$1:')),
      ).toMatchObject({
        prefix: `edgeloop/data/${wanted.digest.replace('sha256:', '')}/train.csv`,
      });
    });

    it('that are large go in blocks, and go on with what is not there when it broke off', async () => {
      const large = Buffer.alloc(10 * 1024 * 1024, 'x');
      const wanted = newData({ path: scene.folder({ 'large.bin': large, 'small.csv': 'a\n' }) });
      // The commit of the blocks is refused: everything but that has been sent.
      scene.proxy.fault({ fault: 'answer', status: 403 }, { path: /comp=blocklist/, times: Infinity });
      await expect(data(wanted)).rejects.toMatchObject({ code: 'blob-write-forbidden' });
      const below = `edgeloop/data/${wanted.digest.replace('sha256:', '')}/`;
      expect(await blobNames(scene.container(), below)).not.toContain('large.bin');
      scene.proxy.heal();
      const before = scene.proxy.requests.length;
      await data(wanted);
      const blocks = scene.proxy.requests.slice(before).filter(({ path }) => path.includes('comp=block&'));
      expect(blocks).toHaveLength(3);
      const stored = await scene.container().getBlobClient(`${below}large.bin`).downloadToBuffer();
      expect(stored.equals(large)).toBe(true);
    });

    it('that get stuck on their way are sent again', async () => {
      const bytes = Buffer.alloc(300_000, 'x');
      const folder = scene.folder({ 'a.bin': bytes });
      const ml = scene.open();
      const store = { name: '', account: 'churndata', container: scene.ml.container };
      const address = blobsIn(store, 'stuck', ml);
      const container = new ContainerClient(address.container, ml.credential);
      scene.proxy.fault(
        { fault: 'stall', of: 'request', afterBytes: 1000 },
        { method: 'PUT', path: /stuck/ },
      );
      const target = { container, address, identity: () => 'test', signal: undefined };
      await uploadFiles({ ...target, idleMs: 500 }, await filesToSend(folder));
      const stored = await scene.container().getBlobClient('stuck/a.bin').downloadToBuffer();
      expect(stored.equals(bytes)).toBe(true);
    });

    it.each([
      ['another size', 'other'],
      ['the same size', 'a;b\n'],
    ])('that somebody else has put there with %s are refused', async (_, other) => {
      const wanted = newData({ path: scene.folder({ 'a.csv': 'a,b\n' }) });
      const there = `edgeloop/data/${wanted.digest.replace('sha256:', '')}/a.csv`;
      await scene.container().getBlockBlobClient(there).upload(other, other.length);
      await expect(data(wanted)).rejects.toMatchObject({ code: 'blob-differs' });
      expect(String(await scene.container().getBlobClient(there).downloadToBuffer())).toBe(other);
    });

    it('are one asset when two upload them at once, or the first one ended in between', async () => {
      const wanted = newData({ path: scene.folder({ 'a.csv': 'a,b\n' }) });
      scene.ml.fault({ fault: 'answer', status: 400 }, DATA_PUT);
      await expect(data(wanted)).rejects.toMatchObject({ code: 'azure-refused' });
      const before = scene.proxy.requests.length;
      const [one, other] = await Promise.all([data(wanted), data(wanted)]);
      expect(one).toEqual(other);
      // What is there is seen by the condition of the write, and kept.
      const statuses = scene.proxy.requests
        .slice(before)
        .filter(isWrite)
        .map(({ status }) => status);
      expect(statuses).toEqual([409, 409]);
    });

    it('in Blob Storage stay where they are: a folder, or a blob', async () => {
      const container = await scene.azurite.container('elsewhere');
      await container.getBlockBlobClient('train/a #b.csv').upload('a\n', 2);
      const before = scene.proxy.requests.length;
      const folder = await data(newData({ address: 'azureblob://churndata/elsewhere/train' }));
      const blob = await data(newData({ address: 'azureblob://churndata/elsewhere/train/a #b.csv' }));
      expect([folder.type, blob.type]).toEqual(['uri_folder', 'uri_file']);
      expect(asset('data', folder.id)['dataUri']).toBe(`${scene.proxy.url}/churndata/elsewhere/train/`);
      expect(asset('data', blob.id)['dataUri']).toBe(
        `${scene.proxy.url}/churndata/elsewhere/train/a%20%23b.csv`,
      );
      expect(scene.proxy.requests.slice(before).map(({ method }) => method)).toEqual(['HEAD', 'HEAD']);
    });

    it("in the workspace's own datastore are named by it, which the workspace may read", async () => {
      const { ml } = scene;
      const { id } = await data(newData({ address: `azureblob://churndata/${ml.container}/train` }));
      expect(asset('data', id)['dataUri']).toBe('azureml://datastores/workspaceblobstore/paths/train/');
    });

    it('that are an asset already are used as they are, and read where that says', async () => {
      const { client, at } = scene.open();
      const dataUri = 'azureml://datastores/workspaceblobstore/paths/given/';
      const put = (name: string, dataType: 'uri_folder' | 'mltable') =>
        client.dataVersions.createOrUpdate(...at, name, '7', { properties: { dataType, dataUri } });
      await put('given', 'uri_folder');
      await put('table', 'mltable');
      const before = scene.ml.requests.length;
      expect(await data(newData({ address: 'azureml:given:7' }))).toEqual({
        id: `${scene.ml.id}/data/given/versions/7`,
        type: 'uri_folder',
      });
      expect(scene.sent(before)).toEqual(['GET /data/given/versions/7']);
      expect(await resolveDataAsset(scene.open(), 'azureml:given:7')).toMatchObject({
        name: `azureblob://churndata/${scene.ml.container}/given`,
        prefix: 'given',
      });
    });

    it.each([
      ['https://churndata.blob.core.windows.net/rows/a%20b/', 'a b'],
      ['https://churndata.blob.core.windows.net/rows/100%/', '100%'],
    ])('that are at %s are read below "%s"', async (dataUri, prefix) => {
      const { client, at } = scene.open();
      const version = String(prefix.length);
      const properties = { dataType: 'uri_folder', dataUri } as const;
      await client.dataVersions.createOrUpdate(...at, 'elsewhere', version, { properties });
      const address = await resolveDataAsset(scene.open(), `azureml:elsewhere:${version}`);
      expect(address).toMatchObject({ account: 'churndata', prefix });
    });

    it.each([
      ['azureml:table:7', 'data-asset-unsupported'],
      ['azureml:given:8', 'data-asset-unknown'],
      ['azureml:given@latest', 'data-asset-unsupported'],
    ])('%s cannot be read', async (name, expected) => {
      await expect(resolveDataAsset(scene.open(), name)).rejects.toMatchObject({ code: expected });
      await expect(data(newData({ address: name }))).rejects.toMatchObject({ code: expected });
    });
  });

  it('gets an environment for an image once', async () => {
    const image = `registry.example/train@sha256:${'a'.repeat(64)}`;
    const before = scene.ml.requests.length;
    const ids = await Promise.all([1, 2].map(() => provideEnvironment(scene.open(), image)));
    expect(new Set(ids).size).toBe(1);
    expect(asset('environments', ids[0] ?? '')).toMatchObject({ image, osType: 'Linux' });
    await provideEnvironment(scene.open(), image);
    expect(scene.sent(before).at(-1)).toMatch(/^GET \/environments\//);
    expect(await provideEnvironment(scene.open(), 'azureml:team:3')).toBe(
      `${scene.ml.id}/environments/team/versions/3`,
    );
  });
});
