// Releases as registered models of an Azure Machine Learning workspace: the built program, and the functions below it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listModels, MODEL_TAG, registerModel } from '../../src/azure/ml/models.ts';
import { openMlWorkspace } from '../../src/azure/ml/workspace.ts';
import { type FakeAzureMl, startAzureMl } from '../fakes/azureml/stand-in.ts';
import { accessToken } from '../fakes/entra.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { type BlobScene, startBlobScene } from '../fixtures/blob-project.ts';
import {
  churnProject,
  commit,
  edgeloop,
  git,
  PROGRAM,
  secondPartArrives,
} from '../fixtures/churn-project.ts';
import { lockOf } from '../fixtures/disagreements.ts';
import { checkError, edit, taggedManifests } from '../fixtures/expect-error.ts';
import type { Scene } from '../fixtures/release-scene.ts';
import { copyOf } from '../fixtures/released-versions.ts';
import { stepping } from '../fixtures/stepping-process.ts';

const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const DIGEST = (digit: number) => `sha256:${String(digit).padStart(64, '0')}`;
const PUT_MODEL = { method: 'PUT', path: /\/models\/churn\/versions\// };
const NAME = 'models of the Azure ML workspace acme-ml';

describe.skipIf(!azuriteAvailable())('releases as models of Azure Machine Learning', () => {
  let scene: BlobScene;
  let ml: FakeAzureMl;
  let candidate: string;
  beforeAll(async () => {
    scene = await startBlobScene();
    candidate = churnProject();
    const trained = edgeloop(candidate, 'retrain', 'churn');
    expect(trained).toMatchObject({ code: 0 });
  }, 60_000);
  afterAll(() => scene?.[Symbol.asyncDispose]());
  beforeEach(() => {
    scene.proxy.heal();
    scene.proxy.requests.length = 0;
  });

  /** A new workspace, and the churn example with a judged candidate that belongs to it. */
  async function opened(pageSize?: number): Promise<string> {
    const tls = await scene.azurite.authority.issue('ml', 'IP:127.0.0.1');
    ml = await startAzureMl({ tls, storage: scene.azurite, ...(pageSize && { pageSize }) });
    Object.assign(scene.common, ml.environment);
    const project = copyOf(candidate);
    const { subscription, resourceGroup, workspace } = ml.place;
    const section = `azure: { subscription: ${subscription}, resourceGroup: ${resourceGroup}, workspace: ${workspace} }`;
    edit(project, 'edgeloop.yaml', [/$/, `${section}\n`]);
    commit(project, 'releases are registered');
    return project;
  }

  async function json(project: string, exit: number, ...args: string[]) {
    const { code, stdout, stderr } = await scene.run(project, [...args, '--json', '--log-level', 'info']);
    expect({ args, code, told: code === exit ? '' : stderr }).toEqual({ args, code: exit, told: '' });
    return JSON.parse(stdout);
  }

  /** What Azure ML has of the model, archived ones among them: number, properties, tags. */
  const versions = () =>
    ml.assets
      .all('models')
      .filter(({ name }) => name === 'churn')
      .map(({ version, properties }) => ({ version, ...properties }) as Shown);
  interface Shown {
    version: string;
    properties: Record<string, string>;
    tags: Record<string, string>;
    isArchived?: boolean;
    modelUri: string;
    jobName?: string;
  }

  const sdk = () =>
    openMlWorkspace({
      settings: ml.place,
      credential: {
        source: 'test',
        getToken: async (scopes) => ({
          token: accessToken(TENANT, String(scopes).replace('/.default', '')),
          expiresOnTimestamp: Date.now() + 3_600_000,
        }),
      },
      environment: { ...scene.common, ...ml.environment },
      mask: () => {},
    });

  const wanted = (version: string, digest: string) => ({
    description: `churn ${version}`,
    uri: `azureml://datastores/workspaceblobstore/paths/edgeloop/releases/churn/${digest.slice(7)}/`,
    jobName: undefined,
    properties: { [MODEL_TAG.version]: version, [MODEL_TAG.modelManifest]: digest },
    tags: { [MODEL_TAG.version]: version },
  });

  it('are there with the released bytes, found by what they are, and registered once', async () => {
    const project = await opened();
    const { modelManifest, image } = await json(project, 0, 'release', 'churn');
    const lock = lockOf(project, '1.0.0');
    const facts = {
      'dev.edgeloop.model': 'churn',
      'dev.edgeloop.version': '1.0.0',
      'dev.edgeloop.model-manifest': modelManifest.digest,
      'dev.edgeloop.input-key': lock.inputKey,
      'dev.edgeloop.dataset': lock.dataset,
      'dev.edgeloop.metric.auc': expect.stringMatching(/^0\.\d+$/),
    };
    const path = `edgeloop/releases/churn/${modelManifest.digest.slice('sha256:'.length)}`;
    expect(versions()).toEqual([
      {
        version: '1',
        description: expect.stringMatching(/^churn 1\.0\.0: /),
        modelType: 'custom_model',
        isAnonymous: false,
        isArchived: false,
        modelUri: `azureml://datastores/workspaceblobstore/paths/${path}/`,
        tags: facts,
        properties: {
          ...facts,
          'dev.edgeloop.image': image.digest,
          'dev.edgeloop.verdict': lock.verdict,
          'dev.edgeloop.git-tag': 'churn@v1.0.0',
          'dev.edgeloop.job': `edgeloop-churn-${lock.inputKey.slice(0, 12)}`,
          'org.opencontainers.image.revision': lock.trainedCommit,
        },
      },
    ]);
    await json(project, 0, 'pull', `oci:.edgeloop/registry/churn@${modelManifest.digest}`, 'pulled');
    const token = accessToken(TENANT, 'https://storage.azure.com');
    const client = new ContainerClient(`${scene.azurite.url}/${scene.azurite.account}/${ml.container}`, {
      getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }),
    });
    const uploaded: Record<string, Buffer> = {};
    for await (const { name } of client.listBlobsFlat({ prefix: `${path}/` }))
      uploaded[name.slice(path.length + 1)] = await client.getBlobClient(name).downloadToBuffer();
    const files = readdirSync(join(project, 'pulled')).filter((file) => !file.startsWith('.'));
    expect(files).toEqual(expect.arrayContaining(['edgeloop.json', 'model.onnx']));
    expect(uploaded).toEqual(
      Object.fromEntries(files.map((file) => [file, readFileSync(join(project, 'pulled', file))])),
    );

    ml.requests.length = 0;
    expect(await json(project, 0, 'release', 'churn')).toMatchObject({ created: false });
    expect(await json(project, 0, 'verify', 'churn')).toEqual({ ok: true, findings: [] });
    expect(new Set(ml.requests.map(({ method }) => method))).toEqual(new Set(['GET']));

    const written = [JSON.stringify(ml.assets.all('models')), ...textsIn(project)];
    const tokens = scene.entra.tokens.map((one) => one.split('.')[2] ?? one);
    expect(tokens.length).toBeGreaterThan(1);
    expect(
      [...tokens, scene.azurite.key].filter((one) => written.some((text) => text.includes(one))),
    ).toEqual([]);

    secondPartArrives(project);
    await json(project, 0, 'retrain', 'churn');
    await json(project, 0, 'release', 'churn');
    expect(versions().map((one) => [one.version, one.properties[MODEL_TAG.version]])).toEqual([
      ['1', '1.0.0'],
      ['2', '1.0.1'],
    ]);
    await ml.stop();
  });

  it('are completed after a kill before, within and behind their registration', async () => {
    const project = await opened();
    const environment = {
      ...scene.common,
      ...scene.identity,
      EDGELOOP_REGISTRY: `oci:${project}/.edgeloop/registry`,
    };
    const loop: Scene = {
      root: '',
      project,
      environment,
      repository: '',
      hasOrigin: false,
      judged: '',
      registry: undefined,
    };
    scene.proxy.fault({ fault: 'stall', of: 'answer', afterBytes: 0 }, { method: 'PUT', nth: 2 });
    const cut = spawn(process.execPath, [PROGRAM, 'release', 'churn'], {
      cwd: project,
      env: { ...process.env, ...environment },
      stdio: 'ignore',
    });
    const puts = () => scene.proxy.requests.filter(({ method }) => method === 'PUT');
    await expect.poll(() => puts().length, { timeout: 30_000 }).toBeGreaterThan(1);
    cut.kill('SIGKILL');
    await once(cut, 'exit');
    scene.proxy.heal();
    expect(versions()).toEqual([]);
    const { findings } = await json(project, 3, 'verify', 'churn');
    expect(findings).toMatchObject([{ code: 'mirror-missing', subject: `${NAME} 1.0.0` }]);

    const steps = ['model tag', 'image', 'moving tags', 'mirrors', 'read back'];
    const killed = await stepping(loop, project, { verb: 'release', killAt: steps.indexOf('read back') });
    expect(killed).toMatchObject({ ended: 'SIGKILL', steps });
    expect(await json(project, 0, 'release', 'churn')).toMatchObject({ created: false });
    expect(versions().map(({ version }) => version)).toEqual(['1']);
    expect(await json(project, 0, 'verify', 'churn')).toEqual({ ok: true, findings: [] });
    await ml.stop();
  });

  it('are one when two release the same, and when the answer to the PUT is lost', async () => {
    const project = await opened();
    ml.fault({ fault: 'reset', when: 'after' }, PUT_MODEL);
    const both = await Promise.all([1, 2].map(() => json(project, 0, 'release', 'churn')));
    expect(both.map(({ created }) => created).toSorted()).toEqual([false, true]);
    expect(versions().map(({ version }) => version)).toEqual(['1']);
    expect(ml.requests.filter(({ fault }) => fault === 'reset')).toHaveLength(1);
    await ml.stop();
  });

  it('that want the same number at the same time get one each', async () => {
    await opened();
    const numbers = await Promise.all(
      [1, 2, 3, 4, 5].map((minor) => registerModel(sdk(), 'churn', wanted(`1.${minor}.0`, DIGEST(minor)))),
    );
    expect(numbers.toSorted()).toEqual([1, 2, 3, 4, 5]);
    const listed = await listModels(sdk(), 'churn');
    expect(listed.map(({ version, digest }) => [version, digest]).toSorted()).toEqual(
      [1, 2, 3, 4, 5].map((minor) => [`1.${minor}.0`, DIGEST(minor)]),
    );
    // Their tags are their own, too: nobody wrote over another one's.
    expect(
      versions().every(({ tags, properties }) => tags[MODEL_TAG.version] === properties[MODEL_TAG.version]),
    ).toBe(true);
    // It did come to that.
    const refused = ml.requests.filter(({ method, status }) => method === 'PUT' && status === 400);
    expect(refused.length).toBeGreaterThan(0);
    await ml.stop();
  });

  it('take another number when Azure ML keeps what somebody else has under it, and says so with 200', async () => {
    await opened();
    const others = { modelType: 'custom_model', properties: wanted('9.9.9', DIGEST(9)).properties };
    const body = { id: 'x', name: '1', properties: others };
    ml.fault({ fault: 'answer', status: 200, body }, PUT_MODEL);
    expect(await registerModel(sdk(), 'churn', wanted('1.0.0', DIGEST(1)))).toBe(2);
    expect(versions().map(({ version }) => version)).toEqual(['2']);
    await ml.stop();
  });

  it('name the job of the workspace that trained them', async () => {
    await opened();
    await registerModel(sdk(), 'churn', { ...wanted('1.0.0', DIGEST(1)), jobName: 'edgeloop-churn-1' });
    expect(versions()).toMatchObject([{ jobName: 'edgeloop-churn-1' }]);
    await ml.stop();
  });

  it('leave alone what somebody has registered by hand, and take the next number', async () => {
    const project = await opened();
    const byHand = {
      properties: {
        modelUri: 'azureml://datastores/workspaceblobstore/paths/mine/',
        tags: { [MODEL_TAG.version]: '1.0.0' },
      },
    };
    await sdk().client.modelVersions.createOrUpdate(...sdk().at, 'churn', '7', byHand);
    await json(project, 0, 'release', 'churn');
    expect(await json(project, 0, 'verify', 'churn')).toEqual({ ok: true, findings: [] });
    expect(versions().map(({ version }) => version)).toEqual(['7', '8']);
    expect(versions()[0]).toMatchObject({ tags: { [MODEL_TAG.version]: '1.0.0' }, properties: {} });
    await ml.stop();
  });

  it('that disagree are told, never overwritten, and mended by another number and the archive', async () => {
    const project = await opened();
    await registerModel(sdk(), 'churn', wanted('1.0.0', DIGEST(1)));
    await registerModel(sdk(), 'churn', wanted('3.0.0', DIGEST(3)));
    const refused = await json(project, 1, 'release', 'churn');
    expect(refused.error).toMatchObject({
      code: 'mirror-disagrees',
      message: expect.stringContaining(`${NAME}: churn:1 is 1.0.0 with ${DIGEST(1)}`),
      remedy: expect.stringContaining('edgeloop verify churn --repair'),
    });
    const { modelManifest } = lockOf(project, '1.0.0');
    const unknown = { code: 'mirror-unknown', subject: `${NAME} 3.0.0` };
    const disagrees = { code: 'mirror-disagrees', subject: `${NAME} 1.0.0` };
    const values = { git: modelManifest, mirror: DIGEST(1) };
    expect((await json(project, 3, 'verify', 'churn')).findings).toMatchObject([
      { ...disagrees, values },
      unknown,
    ]);
    // Cut after the first half of the mend, the other one stays to be done.
    ml.fault({ fault: 'answer', status: 403 }, { ...PUT_MODEL, nth: 2 });
    const half = await json(project, 3, 'verify', 'churn', '--repair');
    expect(half.findings).toMatchObject([{ ...disagrees, values }, unknown, { code: 'azure-forbidden' }]);
    expect(await json(project, 3, 'verify', 'churn', '--repair')).toMatchObject({
      findings: [unknown],
      repaired: [disagrees],
    });
    expect(
      versions().map(({ version, isArchived = false, properties }) => [
        version,
        isArchived,
        properties[MODEL_TAG.modelManifest],
      ]),
    ).toEqual([
      ['1', true, DIGEST(1)],
      ['2', false, DIGEST(3)],
      ['3', false, modelManifest],
    ]);
    expect(versions()[0]?.tags).toEqual({
      [MODEL_TAG.version]: '1.0.0',
      'dev.edgeloop.archived': `churn@v1.0.0 means ${modelManifest}`,
    });
    await ml.stop();
  });

  it('are registered anew when somebody has archived them', async () => {
    const project = await opened();
    await json(project, 0, 'release', 'churn');
    const { client, at } = sdk();
    const found = await client.modelVersions.get(...at, 'churn', '1');
    await client.modelVersions.createOrUpdate(...at, 'churn', '1', {
      properties: { ...found.properties, isArchived: true },
    });
    expect((await json(project, 3, 'verify', 'churn')).findings).toMatchObject([{ code: 'mirror-missing' }]);
    expect(await json(project, 0, 'verify', 'churn', '--repair')).toMatchObject({
      findings: [],
      repaired: [{ code: 'mirror-missing' }],
    });
    expect(versions().map(({ version, isArchived = false }) => [version, isArchived])).toEqual([
      ['1', true],
      ['2', false],
    ]);
    await ml.stop();
  });

  it('are found among 1,100 versions, page by page', async () => {
    const project = await opened(100);
    await json(project, 0, 'release', 'churn');
    for (let number = 2; number <= 1100; number++) {
      const { uri: modelUri, properties, tags } = wanted(`9.0.${number}`, DIGEST(number));
      ml.assets.answer({
        method: 'PUT',
        parts: ['models', 'churn', 'versions', String(number)],
        query: new URLSearchParams(),
        body: { properties: { modelUri, properties, tags } },
        url: ml.url,
        path: '',
      });
    }
    ml.requests.length = 0;
    const listed = await listModels(sdk(), 'churn');
    expect(listed).toHaveLength(1100);
    expect([listed[0]?.number, listed.at(-1)?.version]).toEqual([1100, '1.0.0']);
    expect(ml.requests).toHaveLength(11);
    const { findings } = await json(project, 3, 'verify', 'churn');
    expect(findings).toHaveLength(1099);
    expect(new Set(findings.map(({ code }: { code: string }) => code))).toEqual(new Set(['mirror-unknown']));
    expect(await json(project, 0, 'release', 'churn')).toMatchObject({ created: false });
    expect(await registerModel(sdk(), 'churn', wanted('10.0.0', DIGEST(1)))).toBe(1101);
    await ml.stop();
  });

  it.each([
    {
      name: 'without the role',
      prepare: () => void (ml.may.role = 'Reader'),
      says: [/registering churn as number 1: 403 AuthorizationFailed/, '"AzureML Data Scientist"'],
    },
    {
      name: 'while Azure ML is down',
      prepare: () =>
        ml.fault(
          { fault: 'answer', status: 503, headers: { 'retry-after': '0' } },
          { path: /models/, times: Infinity },
        ),
      says: [/listing the registered versions of churn: 503/, 'status.azure.com'],
    },
    {
      name: 'without the right to write to the storage',
      prepare: () =>
        scene.proxy.fault(
          {
            fault: 'answer',
            status: 403,
            headers: { 'content-type': 'application/xml' },
            body: '<?xml version="1.0"?><Error><Code>AuthorizationPermissionMismatch</Code><Message>no</Message></Error>',
          },
          { method: 'PUT', times: Infinity },
        ),
      says: [/may not be written \(403 AuthorizationPermissionMismatch\)/, '"Storage Blob Data Contributor"'],
    },
  ])(
    'leave git tag and image where they are $name, and are completed by the next run',
    async ({ prepare, says }) => {
      const project = await opened();
      prepare();
      const ran = await scene.run(project, ['release', 'churn', '--log-level', 'error']);
      checkError(ran, {
        exit: 1,
        code: 'model-unregistered',
        says: [
          /churn 1\.0\.0 is released and not yet among the models/,
          ...says,
          /finish it: edgeloop release churn/,
        ],
      });
      expect(git(project, 'tag')).toBe('churn@v1.0.0');
      expect(versions()).toEqual([]);
      ml.heal();
      ml.may.role = 'AzureML Data Scientist';
      scene.proxy.heal();
      expect(await json(project, 0, 'release', 'churn')).toMatchObject({ version: '1.0.0', created: false });
      expect(versions()).toMatchObject([{ version: '1' }]);
      await ml.stop();
    },
  );

  it('are not registered over files that are not the released ones', async () => {
    const project = await opened();
    const digest = taggedManifests(project)[0]?.digest ?? '';
    const token = accessToken(TENANT, 'https://storage.azure.com');
    const client = new ContainerClient(`${scene.azurite.url}/${scene.azurite.account}/${ml.container}`, {
      getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }),
    });
    const card = readFileSync(
      join(
        project,
        readdirSync(project, { recursive: true, encoding: 'utf8' }).find((file) =>
          file.endsWith('edgeloop.json'),
        ) ?? '',
      ),
    );
    // Of the same length, with another first byte.
    await client
      .getBlockBlobClient(`edgeloop/releases/churn/${digest.slice(7)}/edgeloop.json`)
      .uploadData(Buffer.from([0x20, ...card.subarray(1)]));
    const ran = await scene.run(project, ['release', 'churn', '--log-level', 'error']);
    checkError(ran, {
      exit: 1,
      code: 'model-unregistered',
      says: [/edgeloop\.json has \d+ bytes, and not those of/],
    });
    expect(versions()).toEqual([]);
    await ml.stop();
  });

  it('that may not be read are a finding of verify, like any other', async () => {
    const project = await opened();
    await json(project, 0, 'release', 'churn');
    ml.may.role = 'nothing';
    const { findings } = await json(project, 3, 'verify', 'churn');
    expect(
      new Set(findings.map(({ code, subject }: Record<string, string>) => `${code} ${subject}`)),
    ).toEqual(new Set([`azure-forbidden ${NAME}`]));
    await ml.stop();
  });
});

function textsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
}
