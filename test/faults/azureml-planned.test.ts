// Azure ML trains exactly what was planned, or nothing is kept of it: code and data that change between plan, upload and
// the end of the job.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { identify, provenance } from '../../src/loop/identify.ts';
import { openWorkspace } from '../../src/loop/open-workspace.ts';
import { submitJob } from '../../src/loop/train-on-azure.ts';
import {
  azureAvailable,
  type AzureScene,
  projectOnAzure,
  startAzureScene,
} from '../fixtures/azure-project.ts';
import { putFile } from '../fixtures/blob-project.ts';
import { commit } from '../fixtures/churn-project.ts';
import { checkError, edit, leftIn } from '../fixtures/expect-error.ts';
import { loopDeps } from '../fixtures/loop-deps.ts';

describe.skipIf(!azureAvailable())('a training on Azure ML', () => {
  let azure: AzureScene;
  beforeAll(async () => {
    azure = await startAzureScene();
  }, 120_000);
  afterAll(async () => {
    await azure?.stop();
  }, 60_000);

  let trees = 12;
  /** A project whose training nobody has trained before. */
  const project = (settings: Parameters<typeof projectOnAzure>[1] = {}) =>
    projectOnAzure(azure, { trees: (trees += 1), ...settings });

  it('whose data change on this disk while they are sent is refused, and the right ones are sent next time', async () => {
    onTestFinished(() => azure.ml.heal());
    const cwd = project();
    const file = join(cwd, 'data/train/churn-1.csv');
    // Nobody else's project has these data; the others are as long, which is all that a blob's size tells.
    const text = readFileSync(file, 'utf8');
    const planned = `${text}${text.trimEnd().split('\n').at(-1)}\n`;
    const changed = planned.replace('area_code_415', 'area_code_408');
    expect(changed).not.toBe(planned);
    writeFileSync(file, planned);
    commit(cwd, 'data of its own');
    const datastore = { method: 'GET', path: /\/datastores\// };
    azure.ml.fault({ fault: 'answer', status: 429, headers: { 'retry-after': '3' } }, datastore);
    const from = azure.ml.requests.length;
    const running = azure.run(cwd, 'retrain', 'churn', '--log-level', 'error');
    await expect
      .poll(() => azure.ml.requests.slice(from), { timeout: 30_000 })
      .toContainEqual(expect.objectContaining({ fault: 'answer' }));
    writeFileSync(file, changed);
    checkError(await running, { exit: 1, code: 'dataset-differs', says: [/was planned/] });
    const made = azure.ml.requests
      .slice(from)
      .filter(({ method, status }) => method === 'PUT' && status === 201);
    expect(made.map(({ path }) => path).filter((path) => /\/(data|jobs)\//.test(path))).toEqual([]);
    writeFileSync(file, planned);
    const before = azure.jobsNow();
    const ran = await azure.run(cwd, 'retrain', 'churn', '--json');
    expect(JSON.parse(ran.stdout)).toMatchObject({ verdict: { outcome: 'first' } });
    const [name = ''] = azure.jobsSince(before);
    const [, digest] =
      /edgeloop-churn\/versions\/(\w{64})/.exec(
        JSON.stringify(azure.ml.jobs.all.get(name)?.properties['inputs']),
      ) ?? [];
    const { url, account, token } = azure.azurite;
    const getToken = async () => ({ token: token(), expiresOnTimestamp: Date.now() + 3_600_000 });
    const container = new ContainerClient(`${url}/${account}/${azure.ml.container}`, { getToken });
    const sent = container.getBlobClient(`edgeloop/data/${digest}/churn-1.csv`);
    expect(String(await sent.downloadToBuffer())).toBe(planned);
  }, 60_000);

  it('whose code changes after it was planned is not submitted', async () => {
    const cwd = project();
    const workspace = await openWorkspace(loopDeps(azure.common, { cwd }));
    const identity = await identify(workspace, 'churn');
    edit(cwd, 'training/train.ts', [/$/, '\n// another one\n']);
    const before = azure.ml.requests.length;
    const places = { folder: join(cwd, '.edgeloop/x'), data: join(cwd, 'data/train') };
    const origin = await provenance(workspace, 'churn', { allowDirty: true });
    await expect(submitJob(workspace, identity, { ...places, origin })).rejects.toMatchObject({
      code: 'code-changed',
    });
    expect(azure.ml.requests.slice(before)).toEqual([]);
  });

  it('whose data change while it runs is refused, and says so', async () => {
    const container = await azure.azurite.container('moving');
    const local = project();
    await putFile(container, 'train', `${local}/data/train/churn-1.csv`);
    const at = `azureblob://${azure.azurite.account}/moving`;
    const cwd = project({ trees: 300, data: `${at}/train` });
    const running = azure.run(cwd, 'retrain', 'churn', '--log-level', 'error');
    const before = azure.jobsNow();
    while (azure.jobsSince(before).length === 0) await new Promise((seen) => setTimeout(seen, 20));
    await putFile(container, 'train', `${local}/data/train/churn-1.csv`);
    checkError(await running, {
      exit: 1,
      code: 'dataset-differs',
      says: [/they have changed while the training ran/],
    });
    expect(leftIn(cwd)).toEqual([]);
  }, 60_000);
});
