// The reference architecture's whole path, as a workflow of GitHub goes it: data in Blob Storage, a job on Azure ML, a
// release locked in the registry and registered in the workspace, new data, the next release. No secret but GitHub's
// own token of the job; and afterwards a search for everything that was secret, wherever anything was written or sent.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep, type Step } from '../fixtures/action-runner.ts';
import {
  azureAvailable,
  type AzureScene,
  projectOnAzure,
  startAzureScene,
} from '../fixtures/azure-project.ts';
import { putFile } from '../fixtures/blob-project.ts';
import { git, type Ran } from '../fixtures/churn-project.ts';

const REGISTRY = 'acme.azurecr.io/models';
const RUN =
  'env | sort && node training/train.ts --data ${{inputs.train}} --out ${{outputs.model}} --trees ${{inputs.trees}}';

describe.skipIf(!azureAvailable())('a project on Azure', () => {
  let azure: AzureScene;
  let container: ContainerClient;
  let cwd: string;
  const steps: Step[] = [];
  const verbs: Ran[] = [];
  beforeAll(async () => {
    azure = await startAzureScene();
    container = await azure.azurite.container('churn');
    const train = `azureblob://${azure.azurite.account}/churn/train`;
    cwd = projectOnAzure(azure, {
      registry: REGISTRY,
      data: train,
      run: RUN,
      trees: 60,
      train: ['hourlyRate: 0.4'],
    });
    await putFile(container, 'train', join(cwd, 'data/train/churn-1.csv'));
  }, 120_000);
  afterAll(async () => {
    await azure?.stop();
  });

  /** A step of a job with `permissions: { id-token: write }`, which has nothing else to prove who it is. */
  const step = async (
    name: 'plan' | 'retrain' | 'release' | 'verify',
    given: Record<string, string> = {},
  ) => {
    const { AZURE_FEDERATED_TOKEN_FILE: _, ...common } = azure.common;
    const environment = { ...common, ...azure.oidc.environment };
    const done = await runStep(name, { cwd, with: given, environment });
    steps.push(done);
    expect({ code: done.code, stdout: done.code === 0 ? '' : done.stdout, stderr: done.stderr }).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    return done;
  };
  const verb = async (...args: string[]) => {
    const ran = await azure.run(cwd, ...args);
    verbs.push(ran);
    expect({ code: ran.code, stderr: ran.code === 0 ? '' : ran.stderr }).toEqual({ code: 0, stderr: '' });
    return ran;
  };

  it('goes from plan to a locked and registered release with no secret', async () => {
    expect((await step('plan')).outputs).toMatchObject({ any: 'true' });
    const trained = await step('retrain', { model: 'churn' });
    const job = `edgeloop-churn-${trained.outputs['input-key']?.slice(0, 12)}`;
    expect(trained.outputs).toMatchObject({
      outcome: 'first',
      reused: 'false',
      job,
      'next-version': '1.0.0',
    });
    expect(trained.summary).toMatch(
      /### Training\n\n- job `edgeloop-churn-\w+`.*\n- all attempts together: [\d.]+ minutes, about [\d.]+ at the given rate/,
    );
    expect(azure.ml.jobs.all.get(job)?.properties).toMatchObject({
      limits: { timeout: 'PT1800S' },
      properties: { 'mlflow.source.git.commit': git(cwd, 'rev-parse', 'HEAD'), 'azureml.git.dirty': 'False' },
      tags: { 'dev.edgeloop.model': 'churn', 'dev.edgeloop.input-key': trained.outputs['input-key'] },
    });
    const released = await step('release', { model: 'churn' });
    expect(released.outputs).toMatchObject({ version: '1.0.0' });
    expect(git(cwd, 'tag')).toBe('churn@v1.0.0');
    const tags = azure.acr.stored.tags('models/churn');
    expect(tags).toEqual(expect.arrayContaining(['1.0.0', '1.0.0-model', '1.0', '1', `job-${job}`]));
    for (const tag of ['1.0.0', '1.0.0-model']) {
      expect(azure.acr.stored.tag('models/churn', tag)?.changeableAttributes).toMatchObject({
        writeEnabled: false,
        deleteEnabled: false,
      });
    }
    const { models } = JSON.parse((await verb('status', '--json')).stdout);
    expect(models).toMatchObject([{ model: 'churn' }]);
    await verb('verify', 'churn');
    await verb('rollout', 'churn@1.0.0', '--channel', 'production');
  });

  it('trains again for new data, and finds nothing to do where nothing is new', async () => {
    expect((await step('plan')).outputs).toMatchObject({ any: 'false' });
    await putFile(container, 'train', join(cwd, 'arrivals/churn-2.csv'));
    expect((await step('plan')).outputs).toMatchObject({ any: 'true' });
    const before = azure.ml.jobs.all.size;
    // As a wait of hours has it: tokens end meanwhile, and each new one is asked for with a fresh assertion.
    azure.entra.livesSeconds = 2;
    const asked = azure.oidc.asked.length;
    expect((await step('retrain', { model: 'churn' })).outputs).toMatchObject({
      outcome: 'pass',
      'next-version': '1.0.1',
    });
    azure.entra.livesSeconds = 3599;
    const assertions = azure.oidc.asked.slice(asked).map(({ token }) => token);
    expect(assertions.length).toBeGreaterThan(4);
    expect(new Set(assertions).size).toBe(assertions.length);
    expect((await step('release', { model: 'churn' })).outputs).toMatchObject({ version: '1.0.1' });
    expect(azure.ml.jobs.all.size).toBe(before + 1);
    expect((await step('verify', { model: 'churn' })).outputs).toMatchObject({ ok: 'true' });
  });

  it('has written and sent no secret anywhere', () => {
    const { azurite, entra, oidc, acr, ml } = azure;
    const raw = [
      azurite.key,
      ...entra.tokens,
      ...oidc.asked.map(({ token = '' }) => token),
      oidc.environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '',
      ...acr.accounts.secrets,
    ].filter(Boolean);
    // A signature of a token tells it apart from what anybody may know of it.
    expect(raw.length).toBeGreaterThan(10);
    const secrets = [
      ...new Set(raw.flatMap((one) => [one, encodeURIComponent(one), Buffer.from(one).toString('base64')])),
    ];
    // The search finds what is there: the lines that tell the runner what to mask.
    expect(steps.every(({ stdout }) => secrets.some((secret) => stdout.includes(secret)))).toBe(true);
    const places = new Map<string, string>();
    for (const [index, { shown, stderr, summary, outputs, state }] of steps.entries())
      places.set(`step ${index}`, [shown, stderr, summary, JSON.stringify([outputs, state])].join('\n'));
    for (const [index, { stdout, stderr }] of verbs.entries()) places.set(`verb ${index}`, stdout + stderr);
    for (const { method, path, body } of ml.requests) {
      const text = JSON.stringify(body ?? null);
      places.set(`body of ${method} ${path}`, (places.get(`body of ${method} ${path}`) ?? '') + text);
    }
    for (const { name, properties, log } of ml.jobs.all.values()) {
      places.set(`definition of ${name}`, JSON.stringify(properties));
      // `env | sort` has printed the environment of the training.
      expect(log.toString()).toMatch(/^PATH=/m);
      places.set(`environment and output of ${name}`, log.toString());
    }
    for (const folder of [join(cwd, '.edgeloop'), acr.storage]) {
      if (!existsSync(folder)) continue;
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const file = join(entry.parentPath, entry.name);
        places.set(file, readFileSync(file, 'latin1'));
      }
    }
    const found = [...places].flatMap(([place, text]) =>
      secrets.some((secret) => text.includes(secret)) ||
      /[?&]sig=|AccountKey=|SharedAccessSignature/.test(text)
        ? [place]
        : [],
    );
    expect(places.size).toBeGreaterThan(50);
    expect(found).toEqual([]);
    expect(ml.requests.filter(({ path }) => path.includes('listSecrets'))).toEqual([]);
  });
});
