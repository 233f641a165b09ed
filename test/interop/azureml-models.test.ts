// Releases as registered models of an Azure Machine Learning workspace: the built program, and the functions below it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listModels, MODEL_TAG, registerModel } from '../../src/azure/ml/models.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { secondPartArrives } from '../fixtures/churn-project.ts';
import { lockOf } from '../fixtures/disagreements.ts';
import {
  digestOf,
  MIRROR,
  type ModelScenes,
  PUT_MODEL,
  someRelease,
  startModelScenes,
} from '../fixtures/registered-models.ts';

describe.skipIf(!azuriteAvailable())('releases as models of Azure Machine Learning', () => {
  let scenes: ModelScenes;
  beforeAll(async () => {
    scenes = await startModelScenes();
  }, 60_000);
  afterAll(() => scenes?.[Symbol.asyncDispose]());

  it('are there with the released bytes, found by what they are, and registered once', async () => {
    await using at = await scenes.open();
    const { modelManifest, image } = await at.json(0, 'release', 'churn');
    const lock = lockOf(at.project, '1.0.0');
    const facts = {
      'dev.edgeloop.model': 'churn',
      'dev.edgeloop.version': '1.0.0',
      'dev.edgeloop.model-manifest': modelManifest.digest,
      'dev.edgeloop.input-key': lock.inputKey,
      'dev.edgeloop.dataset': lock.dataset,
      'dev.edgeloop.metric.auc': expect.stringMatching(/^0\.\d+$/),
    };
    const path = `edgeloop/releases/churn/${modelManifest.digest.slice('sha256:'.length)}`;
    expect(at.kept()).toEqual([
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
    await at.json(0, 'pull', `oci:.edgeloop/registry/churn@${modelManifest.digest}`, 'pulled');
    const uploaded: Record<string, Buffer> = {};
    for await (const { name } of at.blobs.listBlobsFlat({ prefix: `${path}/` }))
      uploaded[name.slice(path.length + 1)] = await at.blobs.getBlobClient(name).downloadToBuffer();
    const files = readdirSync(join(at.project, 'pulled')).filter((file) => !file.startsWith('.'));
    expect(files).toEqual(expect.arrayContaining(['edgeloop.json', 'model.onnx']));
    expect(uploaded).toEqual(
      Object.fromEntries(files.map((file) => [file, readFileSync(join(at.project, 'pulled', file))])),
    );

    at.ml.requests.length = 0;
    expect(await at.json(0, 'release', 'churn')).toMatchObject({ created: false });
    expect(await at.json(0, 'verify', 'churn')).toEqual({ ok: true, findings: [] });
    expect(new Set(at.ml.requests.map(({ method }) => method))).toEqual(new Set(['GET']));

    const written = [JSON.stringify(at.ml.assets.all('models')), ...textsIn(at.project)];
    const tokens = scenes.blob.entra.tokens.map((one) => one.split('.')[2] ?? one);
    expect(tokens.length).toBeGreaterThan(1);
    expect(
      [...tokens, scenes.blob.azurite.key].filter((one) => written.some((text) => text.includes(one))),
    ).toEqual([]);

    secondPartArrives(at.project);
    await at.json(0, 'retrain', 'churn');
    await at.json(0, 'release', 'churn');
    expect(at.kept().map((one) => [one.version, one.properties[MODEL_TAG.version]])).toEqual([
      ['1', '1.0.0'],
      ['2', '1.0.1'],
    ]);
  });

  it('name the job of the workspace that trained them', async () => {
    await using at = await scenes.open();
    await registerModel(at.own(), 'churn', {
      ...someRelease('1.0.0', digestOf(1)),
      jobName: 'edgeloop-churn-1',
    });
    expect(at.kept()).toMatchObject([{ jobName: 'edgeloop-churn-1' }]);
  });

  it('leave alone what somebody has registered by hand, and take the next number', async () => {
    await using at = await scenes.open();
    const byHand = {
      properties: {
        modelUri: 'azureml://datastores/workspaceblobstore/paths/mine/',
        tags: { [MODEL_TAG.version]: '1.0.0' },
      },
    };
    await at.own().client.modelVersions.createOrUpdate(...at.own().at, 'churn', '7', byHand);
    await at.json(0, 'release', 'churn');
    expect(await at.json(0, 'verify', 'churn')).toEqual({ ok: true, findings: [] });
    expect(at.kept().map(({ version }) => version)).toEqual(['7', '8']);
    expect(at.kept()[0]).toMatchObject({ tags: { [MODEL_TAG.version]: '1.0.0' }, properties: {} });
  });

  it('that disagree are told, never overwritten, and mended by another number and the archive', async () => {
    await using at = await scenes.open();
    await registerModel(at.own(), 'churn', someRelease('1.0.0', digestOf(1)));
    await registerModel(at.own(), 'churn', someRelease('3.0.0', digestOf(3)));
    const refused = await at.json(1, 'release', 'churn');
    expect(refused.error).toMatchObject({
      code: 'mirror-disagrees',
      message: expect.stringContaining(`${MIRROR}: churn:1 is 1.0.0 with ${digestOf(1)}`),
      remedy: expect.stringContaining('edgeloop verify churn --repair'),
    });
    const { modelManifest } = lockOf(at.project, '1.0.0');
    const unknown = { code: 'mirror-unknown', subject: `${MIRROR} 3.0.0` };
    const disagrees = { code: 'mirror-disagrees', subject: `${MIRROR} 1.0.0` };
    const values = { git: modelManifest, mirror: digestOf(1) };
    expect((await at.json(3, 'verify', 'churn')).findings).toMatchObject([{ ...disagrees, values }, unknown]);
    // Cut after the first half of the mend, the other one stays to be done.
    at.ml.fault({ fault: 'answer', status: 403 }, { ...PUT_MODEL, nth: 2 });
    const half = await at.json(3, 'verify', 'churn', '--repair');
    expect(half.findings).toMatchObject([{ ...disagrees, values }, unknown, { code: 'azure-forbidden' }]);
    expect(await at.json(3, 'verify', 'churn', '--repair')).toMatchObject({
      findings: [unknown],
      repaired: [disagrees],
    });
    expect(
      at
        .kept()
        .map(({ version, isArchived = false, properties }) => [
          version,
          isArchived,
          properties[MODEL_TAG.modelManifest],
        ]),
    ).toEqual([
      ['1', true, digestOf(1)],
      ['2', false, digestOf(3)],
      ['3', false, modelManifest],
    ]);
    expect(at.kept()[0]?.tags).toEqual({
      [MODEL_TAG.version]: '1.0.0',
      'dev.edgeloop.archived': `churn@v1.0.0 means ${modelManifest}`,
    });
  });

  it('are registered anew when somebody has archived them', async () => {
    await using at = await scenes.open();
    await at.json(0, 'release', 'churn');
    const { client, at: place } = at.own();
    const found = await client.modelVersions.get(...place, 'churn', '1');
    await client.modelVersions.createOrUpdate(...place, 'churn', '1', {
      properties: { ...found.properties, isArchived: true },
    });
    expect((await at.json(3, 'verify', 'churn')).findings).toMatchObject([{ code: 'mirror-missing' }]);
    expect(await at.json(0, 'verify', 'churn', '--repair')).toMatchObject({
      findings: [],
      repaired: [{ code: 'mirror-missing' }],
    });
    expect(at.kept().map(({ version, isArchived = false }) => [version, isArchived])).toEqual([
      ['1', true],
      ['2', false],
    ]);
  });

  it('are found among 1,100 versions, page by page', async () => {
    await using at = await scenes.open(100);
    await at.json(0, 'release', 'churn');
    for (let number = 2; number <= 1100; number++) {
      const { uri: modelUri, properties, tags } = someRelease(`9.0.${number}`, digestOf(number));
      at.ml.assets.answer({
        method: 'PUT',
        parts: ['models', 'churn', 'versions', String(number)],
        query: new URLSearchParams(),
        body: { properties: { modelUri, properties, tags } },
        url: at.ml.url,
        path: '',
      });
    }
    at.ml.requests.length = 0;
    const listed = await listModels(at.own(), 'churn');
    expect(listed).toHaveLength(1100);
    expect([listed[0]?.number, listed.at(-1)?.version]).toEqual([1100, '1.0.0']);
    expect(at.ml.requests).toHaveLength(11);
    const { findings } = await at.json(3, 'verify', 'churn');
    expect(findings).toHaveLength(1099);
    expect(new Set(findings.map(({ code }: { code: string }) => code))).toEqual(new Set(['mirror-unknown']));
    expect(await at.json(0, 'release', 'churn')).toMatchObject({ created: false });
    expect(await registerModel(at.own(), 'churn', someRelease('10.0.0', digestOf(1)))).toBe(1101);
  });

  it('that may not be read are one finding of verify, however many checks need them', async () => {
    await using at = await scenes.open();
    await at.json(0, 'release', 'churn');
    at.ml.may.role = 'nothing';
    const { findings } = await at.json(3, 'verify', 'churn');
    const found = findings.map(({ code, subject }: Record<string, string>) => `${code} ${subject}`);
    expect(found).toEqual([`azure-forbidden ${MIRROR}`]);
  });
});

function textsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
}
