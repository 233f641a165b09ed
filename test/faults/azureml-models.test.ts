// The registration of releases in Azure Machine Learning, cut, raced and refused.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listModels, MODEL_TAG, registerModel } from '../../src/azure/ml/models.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { git, PROGRAM } from '../fixtures/churn-project.ts';
import { checkError, taggedManifests } from '../fixtures/expect-error.ts';
import {
  digestOf,
  MIRROR,
  type ModelScene,
  type ModelScenes,
  PUT_MODEL,
  someRelease,
  startModelScenes,
} from '../fixtures/registered-models.ts';
import type { Scene } from '../fixtures/release-scene.ts';
import { stepping } from '../fixtures/stepping-process.ts';

describe.skipIf(!azuriteAvailable())('registered models of Azure Machine Learning', () => {
  let scenes: ModelScenes;
  beforeAll(async () => {
    scenes = await startModelScenes();
  }, 60_000);
  afterAll(() => scenes?.[Symbol.asyncDispose]());

  it('are completed after a kill before, within and behind their registration', async () => {
    await using at = await scenes.open();
    const { project, environment } = at;
    const loop: Scene = {
      root: '',
      project,
      environment: { ...environment, EDGELOOP_REGISTRY: `oci:${project}/.edgeloop/registry` },
      repository: '',
      hasOrigin: false,
      judged: '',
      registry: undefined,
    };
    // Of an answer there would be nothing to hold back: that to a PUT ends with its headers.
    scenes.blob.proxy.fault({ fault: 'stall', of: 'request', afterBytes: 0 }, { method: 'PUT', nth: 2 });
    const cut = spawn(process.execPath, [PROGRAM, 'release', 'churn'], {
      cwd: project,
      env: { ...process.env, ...environment },
      stdio: 'ignore',
    });
    const puts = () => scenes.blob.proxy.requests.filter(({ method }) => method === 'PUT');
    await expect.poll(() => puts().length, { timeout: 30_000 }).toBeGreaterThan(1);
    cut.kill('SIGKILL');
    await once(cut, 'exit');
    scenes.blob.proxy.heal();
    expect(at.kept()).toEqual([]);
    const { findings } = await at.json(3, 'verify', 'churn');
    expect(findings).toMatchObject([{ code: 'mirror-missing', subject: `${MIRROR} 1.0.0` }]);

    const steps = ['model tag', 'image', 'moving tags', 'mirrors', 'read back'];
    const killed = await stepping(loop, at.project, { verb: 'release', killAt: steps.indexOf('read back') });
    expect(killed).toMatchObject({ ended: 'SIGKILL', steps });
    expect(await at.json(0, 'release', 'churn')).toMatchObject({ created: false });
    expect(at.kept().map(({ version }) => version)).toEqual(['1']);
    expect(await at.json(0, 'verify', 'churn')).toEqual({ ok: true, findings: [] });
  });

  it('are one when two release the same, and when the answer to the PUT is lost', async () => {
    await using at = await scenes.open();
    at.ml.fault({ fault: 'reset', when: 'after' }, PUT_MODEL);
    const both = await Promise.all([1, 2].map(() => at.json(0, 'release', 'churn')));
    expect(both.map(({ created }) => created).toSorted()).toEqual([false, true]);
    expect(at.kept().map(({ version }) => version)).toEqual(['1']);
    expect(at.ml.requests.filter(({ fault }) => fault === 'reset')).toHaveLength(1);
  });

  it('that want the same number at the same time get one each', async () => {
    await using at = await scenes.open();
    const numbers = await Promise.all(
      [1, 2, 3, 4, 5].map((minor) =>
        registerModel(at.own(), 'churn', someRelease(`1.${minor}.0`, digestOf(minor))),
      ),
    );
    expect(numbers.toSorted()).toEqual([1, 2, 3, 4, 5]);
    const listed = await listModels(at.own(), 'churn');
    expect(listed.map(({ version, digest }) => [version, digest]).toSorted()).toEqual(
      [1, 2, 3, 4, 5].map((minor) => [`1.${minor}.0`, digestOf(minor)]),
    );
    // Their tags are their own, too: nobody wrote over another one's.
    expect(
      at.kept().every(({ tags, properties }) => tags[MODEL_TAG.version] === properties[MODEL_TAG.version]),
    ).toBe(true);
    // It did come to that.
    const refused = at.ml.requests.filter(({ method, status }) => method === 'PUT' && status === 400);
    expect(refused.length).toBeGreaterThan(0);
  });

  it('take another number when Azure ML keeps what somebody else has under it, and says so with 200', async () => {
    await using at = await scenes.open();
    const others = { modelType: 'custom_model', properties: someRelease('9.9.9', digestOf(9)).properties };
    const body = { id: 'x', name: '1', properties: others };
    at.ml.fault({ fault: 'answer', status: 200, body }, PUT_MODEL);
    expect(await registerModel(at.own(), 'churn', someRelease('1.0.0', digestOf(1)))).toBe(2);
    expect(at.kept().map(({ version }) => version)).toEqual(['2']);
  });

  it.each([
    {
      name: 'without the role',
      prepare: ({ ml }: ModelScene) => void (ml.may.role = 'Reader'),
      says: [/registering churn as number 1: 403 AuthorizationFailed/, '"AzureML Data Scientist"'],
    },
    {
      name: 'while Azure ML is down',
      prepare: ({ ml }: ModelScene) =>
        ml.fault(
          { fault: 'answer', status: 503, headers: { 'retry-after': '0' } },
          { path: /models/, times: Infinity },
        ),
      says: [/listing the registered versions of churn: 503/, 'status.azure.com'],
    },
    {
      name: 'without the right to write to the storage',
      prepare: () =>
        scenes.blob.proxy.fault(
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
      await using at = await scenes.open();
      prepare(at);
      const ran = await scenes.blob.run(
        at.project,
        ['release', 'churn', '--log-level', 'error'],
        at.environment,
      );
      checkError(ran, {
        exit: 1,
        code: 'model-unregistered',
        says: [
          /churn 1\.0\.0 is released and not yet among the models/,
          ...says,
          /finish it: edgeloop release churn/,
        ],
      });
      expect(git(at.project, 'tag')).toBe('churn@v1.0.0');
      expect(at.kept()).toEqual([]);
      at.ml.heal();
      at.ml.may.role = 'AzureML Data Scientist';
      scenes.blob.proxy.heal();
      expect(await at.json(0, 'release', 'churn')).toMatchObject({ version: '1.0.0', created: false });
      expect(at.kept()).toMatchObject([{ version: '1' }]);
    },
  );

  it('are not registered over files that are not the released ones', async () => {
    await using at = await scenes.open();
    const digest = taggedManifests(at.project)[0]?.digest ?? '';
    const card = readFileSync(
      join(
        at.project,
        readdirSync(at.project, { recursive: true, encoding: 'utf8' }).find((file) =>
          file.endsWith('edgeloop.json'),
        ) ?? '',
      ),
    );
    // Of the same length, with another first byte.
    await at.blobs
      .getBlockBlobClient(`edgeloop/releases/churn/${digest.slice(7)}/edgeloop.json`)
      .uploadData(Buffer.from([0x20, ...card.subarray(1)]));
    const ran = await scenes.blob.run(
      at.project,
      ['release', 'churn', '--log-level', 'error'],
      at.environment,
    );
    checkError(ran, {
      exit: 1,
      code: 'model-unregistered',
      says: [/edgeloop\.json has \d+ bytes, and not those of/],
    });
    expect(at.kept()).toEqual([]);
  });
});
