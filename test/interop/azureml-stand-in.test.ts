// The stand-in for Azure Machine Learning: what it keeps and refuses, with Microsoft's own client and examples.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { type MlScene, startMlScene } from '../fixtures/ml-scene.ts';

const EXAMPLES = join(import.meta.dirname, '../fixtures/azure-rest-api/examples');
const VERSION = { apiVersion: '2022-10-01' };

const example = (name: string): { properties: Record<string, unknown> } =>
  JSON.parse(readFileSync(join(EXAMPLES, `${name}.json`), 'utf8')).parameters.body;

describe.skipIf(!azuriteAvailable())('a stand-in for Azure Machine Learning', () => {
  let scene: MlScene;
  beforeAll(async () => {
    scene = await startMlScene();
  }, 60_000);
  afterAll(() => scene?.[Symbol.asyncDispose]());

  const put = (path: string, body: unknown) =>
    scene.workspace().send({ method: 'PUT', path, body, ...VERSION });

  const versions = [
    ['code-version', '/codes/c/versions/1'],
    ['data-version', '/data/d/versions/1'],
    ['environment-version', '/environments/e/versions/1'],
    ['component-version', '/components/p/versions/1'],
    ['model-version', '/models/m/versions/1'],
  ] as const;

  it.each(versions)('takes the official example of a %s, and only once', async (name, path) => {
    const { properties } = example(name);
    expect(await put(path, { properties })).toMatchObject({ name: '1', properties });
    expect(await put(path, { properties: { ...properties, tags: { more: 'x' } } })).toMatchObject({
      properties: { tags: { more: 'x' } },
    });
    const changed = { ...properties, properties: { other: 'x' } };
    await expect(put(path, { properties: changed })).rejects.toMatchObject({ statusCode: 400 });
  });

  it.each(versions)('refuses a %s with a misspelt property as the description does', async (name, path) => {
    onTestFinished(() => void scene.ml.violations.splice(0));
    const { properties } = example(name);
    const wrong = put(path.replace('/1', '/2'), { properties: { ...properties, isArchivd: true } });
    await expect(wrong).rejects.toMatchObject({
      statusCode: 400,
      details: { error: { code: 'ValidationError' } },
    });
    expect(scene.ml.violations).toEqual([expect.stringContaining('isArchivd')]);
  });

  it('opens an upload as 2023-04-01 describes it, and refuses what that does not know', async () => {
    onTestFinished(() => void scene.ml.violations.splice(0));
    const open = (body: object) =>
      scene.workspace().send({
        method: 'POST',
        path: '/codes/described/versions/1/startPendingUpload',
        apiVersion: '2023-04-01',
        body,
      });
    expect(await open({ pendingUploadType: 'TemporaryBlobReference' })).toMatchObject({
      blobReferenceForConsumption: { credential: { credentialType: 'SAS' } },
    });
    expect(scene.ml.violations).toEqual([]);
    await expect(open({ pendingUploadTyp: 'TemporaryBlobReference' })).rejects.toMatchObject({
      details: { error: { code: 'ValidationError' } },
    });
    expect(scene.ml.violations).toEqual([expect.stringContaining('additional properties')]);
  });

  it.each(['command-job', 'sweep-job'])('takes the official example of a %s', async (name) => {
    const { properties } = example(name);
    const computeId = `${scene.ml.id}/computes/cpu`;
    const work = { codeId: null, environmentId: 'azureml:AzureML-sklearn:1' };
    const { trial } = properties;
    const real = trial === undefined ? work : { trial: { ...Object(trial), ...work } };
    expect(await put(`/jobs/${name}`, { properties: { ...properties, computeId, ...real } })).toMatchObject({
      properties: { status: 'NotStarted', tags: { string: 'string' } },
    });
  });

  it('gives pages, versions newest first, and finds models by their properties', async () => {
    const { client, at } = scene.workspace();
    for (const version of ['1', '2', '3', '4', '5'])
      await client.modelVersions.createOrUpdate(...at, 'churn', version, {
        properties: {
          modelUri: 'azureml://datastores/workspaceblobstore/paths/m',
          properties: { digest: `d${version}` },
        },
      });
    const all = await Array.fromAsync(client.modelVersions.list(...at, 'churn'));
    expect(all.map(({ name }) => name)).toEqual(['5', '4', '3', '2', '1']);
    const found = await Array.fromAsync(
      client.modelVersions.list(...at, 'churn', { properties: 'digest=d2' }),
    );
    expect(found.map(({ name }) => name)).toEqual(['2']);
    const container = await client.modelContainers.get(...at, 'churn');
    expect(container.properties).toMatchObject({ latestVersion: '5', nextVersion: '6' });
    await expect(
      client.modelVersions.createOrUpdate(...at, 'churn', '1.0.0', { properties: {} }),
    ).rejects.toMatchObject({ statusCode: 400 });
    for (const name of ['a', 'b', 'c', 'd'])
      scene.ml.jobs.add(
        `listed-${name}`,
        { jobType: 'Command', command: 'x', environmentId: 'x', tags: { mine: name } },
        { status: 'Completed' },
      );
    const jobs = await Array.fromAsync(client.jobs.list(...at, { tag: 'mine' }));
    expect(jobs.map(({ name }) => name)).toEqual(['listed-d', 'listed-c', 'listed-b', 'listed-a']);
  });

  it('tells what there is, and never a key', async () => {
    const { client, at } = scene.workspace();
    const found = await client.workspaces.get(...at);
    expect(found.mlFlowTrackingUri).toMatch(/^azureml:\/\/127\.0\.0\.1:\d+\/mlflow\/v1\.0\/subscriptions\//);
    const computes = await Array.fromAsync(client.computeOperations.list(...at));
    expect(computes).toMatchObject([{ name: 'cpu', properties: { computeType: 'AmlCompute' } }]);
    const store = await client.datastores.get(...at, 'workspaceblobstore');
    expect(store.properties).toMatchObject({
      accountName: scene.azurite.account,
      containerName: scene.ml.container,
    });
    await expect(client.datastores.listSecrets(...at, 'workspaceblobstore')).rejects.toMatchObject({
      statusCode: 403,
    });
  });

  const jobs = (...opened: Parameters<MlScene['workspace']>) => {
    const { client, at } = scene.workspace(...opened);
    return client.jobs.get(...at, 'none');
  };
  const refusals: [status: number, code: string, what: string, ask: () => Promise<unknown>][] = [
    [404, 'UserError', 'a job that there is not', () => jobs()],
    [404, 'ResourceNotFound', 'another workspace', () => jobs({ workspace: 'other' })],
    [404, 'ResourceGroupNotFound', 'another group', () => jobs({ resourceGroup: 'other' })],
    [404, 'SubscriptionNotFound', 'another subscription', () => jobs({ subscription: crypto.randomUUID() })],
    [401, 'InvalidAuthenticationTokenAudience', 'the wrong token', () => jobs({}, 'https://ml.azure.com')],
    [401, 'ExpiredAuthenticationToken', 'an old token', () => jobs({}, undefined, -1)],
  ];
  it.each(refusals)('answers %d %s for %s', async (statusCode, code, _, ask) => {
    await expect(ask()).rejects.toMatchObject({ statusCode, details: { error: { code } } });
  });

  it('lets nobody write without the role, nor read the data plane with a token for something else', async () => {
    scene.ml.may.role = 'Reader';
    onTestFinished(() => void (scene.ml.may.role = 'AzureML Data Scientist'));
    const forbidden = put('/codes/c/versions/9', example('code-version'));
    await expect(forbidden).rejects.toMatchObject({
      statusCode: 403,
      details: { error: { code: 'AuthorizationFailed' } },
    });
    const audience = 'https://storage.azure.com';
    expect(await scene.data('history /runs/none/details', audience)).toMatchObject({ status: 401 });
    expect(await scene.data('history /runs/none/details')).toMatchObject({ status: 404 });
  });

  it('takes no token any more that was revoked', async () => {
    const { client, at } = scene.workspace();
    await client.workspaces.get(...at);
    scene.ml.gate.revoke();
    // The client keeps its token as long as that says that it is good.
    await expect(client.workspaces.get(...at)).rejects.toMatchObject({ statusCode: 401 });
    const another = scene.workspace();
    expect(await another.client.workspaces.get(...another.at)).toMatchObject({ name: 'acme-ml' });
  });

  it('does to a request what a test asks for, also after it was carried out', async () => {
    const { client, at } = scene.workspace();
    const sent = { properties: example('code-version').properties };
    scene.ml.fault({ fault: 'reset', when: 'after' }, { method: 'PUT', path: /codes\/reset/ });
    scene.ml.fault({ fault: 'answer', status: 500 }, { method: 'PUT', path: /codes\/reset/, nth: 2 });
    onTestFinished(() => scene.ml.heal());
    await client.codeVersions.createOrUpdate(...at, 'reset', '1', sent);
    const seen = scene.ml.requests.filter(({ path }) => path.includes('/codes/reset/'));
    expect(seen.map(({ status, fault }) => [status, fault])).toEqual([
      [undefined, 'reset'],
      [500, 'answer'],
      [200, undefined],
    ]);
  });
});
