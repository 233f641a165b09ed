// A model that a job on Azure ML has left, on its way here: who is killed meanwhile is followed by who goes on.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import {
  azureAvailable,
  type AzureScene,
  projectOnAzure,
  startAzureScene,
} from '../fixtures/azure-project.ts';
import { childProgram } from '../fixtures/child-process.ts';
import { edgeloopWith, PROGRAM } from '../fixtures/churn-project.ts';

const MB = 1_000_000;
const SIZE = 60 * MB;
const TRAIN =
  'node training/train.ts --data ${{inputs.train}} --out ${{outputs.model}} --trees ${{inputs.trees}}';

describe.skipIf(!azureAvailable())('the output of a job', () => {
  let azure: AzureScene;
  let proxy: FaultProxy;
  beforeAll(async () => {
    azure = await startAzureScene();
    const { authority, url } = azure.azurite;
    const tls = await authority.issue('output-proxy', 'IP:127.0.0.1');
    proxy = await startFaultProxy(url, { tls, authority: authority.certificate });
  }, 120_000);
  afterAll(async () => {
    await proxy?.stop();
    await azure?.stop();
  }, 60_000);

  it('is fetched once, by whoever goes on after a kill in the middle of it', async () => {
    const large = `head -c ${SIZE} /dev/urandom > \${{outputs.model}}/large.bin`;
    const cwd = projectOnAzure(azure, { run: `${large} && ${TRAIN}` });
    const environment = { ...azure.common, EDGELOOP_BLOB_ENDPOINT: `${proxy.url}/{account}` };
    const wanted = { method: 'GET', path: /large\.bin/ };
    const came = () => proxy.bytes(wanted).answer;
    proxy.fault({ fault: 'slow', of: 'answer', bytesPerSecond: 4 * MB }, { ...wanted, times: Infinity });
    const { EDGELOOP_REGISTRY: _, ...inherited } = process.env;
    const child = childProgram(PROGRAM, ['retrain', 'churn'], { ...inherited, ...environment }, cwd);
    await expect.poll(came, { interval: 5, timeout: 60_000 }).toBeGreaterThanOrEqual(SIZE / 2);
    expect(await child.kill()).toBe('SIGKILL');
    proxy.heal();
    const before = azure.ml.jobs.all.size;
    const again = await edgeloopWith(environment, cwd, 'retrain', 'churn', '--json');
    expect({ code: again.code, stderr: again.stderr }).toMatchObject({ code: 0 });
    const { candidate } = JSON.parse(again.stdout);
    expect(existsSync(join(candidate.path, 'model.onnx'))).toBe(true);
    expect(azure.ml.jobs.all.size).toBe(before);
    expect(came() / SIZE).toBeLessThanOrEqual(1.02);
  });
});
