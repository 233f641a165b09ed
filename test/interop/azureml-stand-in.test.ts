// The stand-in for Azure Machine Learning, as Microsoft's own clients see it.
import { AzureMachineLearningWorkspaces } from '@azure/arm-machinelearning';
import { ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMlWorkspace } from '../../src/azure/ml/workspace.ts';
import { type FakeAzureMl, startAzureMl } from '../fakes/azureml/stand-in.ts';
import { accessToken } from '../fakes/entra.ts';
import { type Azurite, azuriteAvailable, startAzurite } from '../fixtures/azurite.ts';

const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';

describe.skipIf(!azuriteAvailable())('a stand-in for Azure Machine Learning', () => {
  let azurite: Azurite;
  let ml: FakeAzureMl;
  beforeAll(async () => {
    azurite = await startAzurite();
    ml = await startAzureMl({ tls: await azurite.authority.issue('ml', 'IP:127.0.0.1'), storage: azurite });
  }, 60_000);
  afterAll(async () => {
    await ml?.stop();
    await azurite?.stop();
  });

  const workspace = (audience = 'https://management.azure.com') =>
    openMlWorkspace({
      settings: ml.place,
      credential: {
        source: 'test',
        getToken: async (scopes) => ({
          token: accessToken(
            TENANT,
            audience === 'asked' ? String(scopes).replace('/.default', '') : audience,
          ),
          expiresOnTimestamp: Date.now() + 3_600_000,
        }),
      },
      environment: { ...process.env, ...ml.environment },
      mask: () => {},
    });
  const dataPlane = async (path: string) => {
    const token = accessToken(TENANT, 'https://ml.azure.com');
    const response = await fetch(`${ml.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
    return (await response.json()) as Record<string, never>;
  };

  it('runs a command job on uploaded code and data, and keeps its output', async () => {
    const { client, at, send, asking } = workspace();
    const upload = (await asking('x', () =>
      send({
        method: 'POST',
        path: '/codes/churn/versions/1/startPendingUpload',
        apiVersion: '2023-04-01',
        body: { pendingUploadType: 'TemporaryBlobReference' },
      }),
    )) as { blobReferenceForConsumption: { blobUri: string; credential: { sasUri: string } } };
    const { blobUri, credential } = upload.blobReferenceForConsumption;
    const code = new ContainerClient(credential.sasUri);
    const script = 'cat "$1/a.csv" > "$2/model.onnx"; echo "::metric auc 0.9"; env';
    await code.getBlockBlobClient('train.sh').upload(script, script.length);
    await client.codeVersions.createOrUpdate(...at, 'churn', '1', { properties: { codeUri: blobUri } });
    const data = await azurite.container('data');
    await data.getBlockBlobClient('train/a.csv').upload('a,b\n', 4);

    const submitted = await client.jobs.createOrUpdate(...at, 'job-1', {
      properties: {
        jobType: 'Command',
        command: 'sh train.sh ${{inputs.train}} ${{outputs.model}}',
        codeId: `${ml.id}/codes/churn/versions/1`,
        environmentId: 'azureml:AzureML-sklearn-1.5:1',
        computeId: `${ml.id}/computes/cpu`,
        inputs: {
          train: {
            jobInputType: 'uri_folder',
            uri: `https://${azurite.account}.blob.core.windows.net/data/train`,
          },
        },
        outputs: {
          model: {
            jobOutputType: 'uri_folder',
            uri: 'azureml://datastores/workspaceblobstore/paths/out/${{name}}',
          },
        },
      },
    });
    expect(submitted.properties.status).toBe('NotStarted');
    await ml.jobs.all.get('job-1')?.ended;
    const job = await client.jobs.get(...at, 'job-1');
    const { log } = ml.jobs.all.get('job-1') ?? {};
    expect({ status: job.properties.status, log: String(log) }).toMatchObject({ status: 'Completed' });
    const stored = new ContainerClient(`${azurite.url}/${azurite.account}/${ml.container}`, {
      getToken: async () => ({ token: azurite.token(), expiresOnTimestamp: Date.now() + 3_600_000 }),
    });
    expect(String(await stored.getBlobClient('out/job-1/model.onnx').downloadToBuffer())).toBe('a,b\n');
    expect(String(log)).not.toMatch(/HOME=\/root|VITEST|NODE_/);

    const details = await dataPlane(`/history/v1.0${ml.id}/runs/job-1/details`);
    const files: Record<string, string> = details['logFiles'] ?? {};
    const read = await fetch(files['user_logs/std_log.txt'] ?? '', { headers: { range: 'bytes=2-10' } });
    expect([read.status, await read.text()]).toEqual([206, 'metric au']);
    const run = await dataPlane(`/mlflow/v1.0${ml.id}/api/2.0/mlflow/runs/get?run_id=job-1`);
    expect(run).toMatchObject({ run: { data: { metrics: [{ key: 'auc', value: 0.9 }] } } });
  });

  it('is asked by Microsoft’s client about what it has', async () => {
    expect(AzureMachineLearningWorkspaces).toBeDefined();
    const { client, at } = workspace();
    const found = await client.workspaces.get(...at);
    expect(found.mlFlowTrackingUri).toMatch(/^azureml:\/\/127\.0\.0\.1:\d+\/mlflow\/v1\.0\/subscriptions\//);
    expect(await Array.fromAsync(client.computeOperations.list(...at))).toHaveLength(1);
    expect(await Array.fromAsync(client.datastores.list(...at))).toHaveLength(2);
  });
});
