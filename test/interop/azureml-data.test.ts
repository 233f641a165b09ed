// Training data that a job on Azure ML reads where they lie: what of them comes to this machine.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFaultProxy } from '../fakes/fault-proxy.ts';
import {
  azureAvailable,
  type AzureScene,
  projectOnAzure,
  startAzureScene,
} from '../fixtures/azure-project.ts';
import { putFile } from '../fixtures/blob-project.ts';
import { edgeloopWith } from '../fixtures/churn-project.ts';

const MIB = 1024 * 1024;

describe.skipIf(!azureAvailable())('data in Blob Storage that a job on Azure ML reads', () => {
  let azure: AzureScene;
  beforeAll(async () => {
    azure = await startAzureScene();
  }, 120_000);
  afterAll(async () => {
    await azure?.stop();
  });

  it('are not fetched here, but for a sample that tells what they are like', async () => {
    const { azurite } = azure;
    const data = `azureblob://${azurite.account}/large/train`;
    const run =
      'node training/train.ts --data ${{inputs.train}}/churn-1.csv --out ${{outputs.model}} --trees ${{inputs.trees}}';
    const cwd = projectOnAzure(azure, { data, run });
    const container = await azurite.container('large');
    await putFile(container, 'train', join(cwd, 'data/train/churn-1.csv'));
    const large = Buffer.alloc(65 * MIB);
    await container.getBlockBlobClient('train/large.bin').uploadData(large);
    const tls = await azurite.authority.issue('proxy', 'IP:127.0.0.1');
    await using proxy = await startFaultProxy(azurite.url, { tls, authority: azurite.authority.certificate });
    const here = { ...azure.common, EDGELOOP_BLOB_ENDPOINT: `${proxy.url}/{account}` };
    const left = JSON.parse((await edgeloopWith(here, cwd, 'retrain', 'churn', '--detach', '--json')).stdout);
    await azure.ml.jobs.all.get(left.job)?.ended;
    const ran = await edgeloopWith(here, cwd, 'retrain', 'churn', '--json');
    expect({ code: ran.code, stderr: ran.code === 0 ? '' : ran.stderr }).toEqual({ code: 0, stderr: '' });
    const { job, candidate } = JSON.parse(ran.stdout);
    expect(job).toBe(left.job);
    const { statistics } = JSON.parse(readFileSync(join(candidate.path, 'edgeloop.json'), 'utf8'));
    expect(Object.keys(statistics)).toContain('total_day_minutes');
    const answered = (path: RegExp) => proxy.bytes({ method: 'GET', path }).answer;
    expect(answered(/large\/train\/churn-1\.csv/)).toBeGreaterThan(0);
    expect(answered(/large\/train\/large\.bin/)).toBe(0);
    // Nor is anything kept of what the job has left, when it has become a candidate.
    const outputs = join(cwd, '.edgeloop/outputs');
    expect(existsSync(outputs) ? readdirSync(outputs) : []).toEqual([]);
  }, 120_000);
});
