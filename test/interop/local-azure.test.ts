// `npm run fakes`: one command, and another shell has an Azure.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { WorkloadIdentityCredential } from '@azure/identity';
import { ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMlWorkspace } from '../../src/azure/ml/workspace.ts';
import { acrAvailable } from '../fakes/acr/stand-in.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { putFile } from '../fixtures/blob-project.ts';
import { churnProject, commit, edgeloopWith } from '../fixtures/churn-project.ts';
import { edit } from '../fixtures/expect-error.ts';
import { trust } from '../fixtures/trust.ts';

const START = resolve(import.meta.dirname, '../fakes/start.ts');
const SCOPE = 'https://storage.azure.com/.default';

describe.skipIf(!azuriteAvailable() || !acrAvailable())('a local Azure', () => {
  let child: ChildProcess;
  let said = '';
  const environment: Record<string, string> = {};
  beforeAll(async () => {
    // A group of its own, as a terminal has one, which Ctrl-C is sent to as a whole.
    child = spawn(process.execPath, [START], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let printed = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (printed += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    while (!said.includes('runs until Ctrl-C')) {
      if (child.exitCode !== null) throw new Error(said);
      await new Promise((seen) => setTimeout(seen, 50));
    }
    for (const [, name = '', value = ''] of printed.matchAll(/^export (\w+)='(.*)'$/gm))
      environment[name] = value;
    await trust(environment['NODE_EXTRA_CA_CERTS'] ?? '');
  }, 60_000);
  afterAll(() => {
    if (child?.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  });

  const credential = () =>
    new WorkloadIdentityCredential({
      tenantId: environment['AZURE_TENANT_ID'] ?? '',
      clientId: environment['AZURE_CLIENT_ID'] ?? '',
      tokenFilePath: environment['AZURE_FEDERATED_TOKEN_FILE'] ?? '',
      authorityHost: environment['AZURE_AUTHORITY_HOST'] ?? '',
      disableInstanceDiscovery: true,
    });

  const told = (name: string) => new RegExp(`${name}: (\\S+)`).exec(said)?.[1] ?? '';

  it('lets the identity that it exports work with storage, and the program plan on it', async () => {
    const account = /storage account is\s+(\w+)/.exec(said)?.[1] ?? '';
    const place = (environment['EDGELOOP_BLOB_ENDPOINT'] ?? '').replace('{account}', account);
    const container = new ContainerClient(`${place}/churn`, credential());
    await container.create();
    const project = churnProject();
    await putFile(container, 'train', join(project, 'data/train/churn-1.csv'));
    edit(project, 'edgeloop.yaml', ['train: data/train', `train: azureblob://${account}/churn/train`]);
    commit(project, 'the data lie in Blob Storage');
    const { EDGELOOP_REGISTRY: _, ...rest } = environment;
    const planned = await edgeloopWith(rest, project, 'plan', 'churn');
    expect(planned).toMatchObject({ code: 0, stderr: expect.not.stringContaining('error') });
  });

  it('lets it ask the workspace whose place it tells', async () => {
    const workspace = openMlWorkspace({
      settings: {
        subscription: told('subscription'),
        resourceGroup: told('resourceGroup'),
        workspace: told('workspace'),
      },
      credential: {
        source: undefined,
        getToken: (scopes, options) => credential().getToken(scopes, options),
      },
      environment,
      mask: () => {},
    });
    expect(await workspace.dataPlane()).toBe(environment['EDGELOOP_ARM_ENDPOINT']);
    await expect(credential().getToken(SCOPE)).resolves.toMatchObject({ token: expect.any(String) });
  });

  it('ends with Ctrl-C and leaves nothing', async () => {
    const ended = once(child, 'exit');
    process.kill(-(child.pid ?? 0), 'SIGINT');
    expect(await ended).toEqual([0, null]);
    const files = ['NODE_EXTRA_CA_CERTS', 'AZURE_FEDERATED_TOKEN_FILE'].map(
      (name) => environment[name] ?? '',
    );
    expect(files.filter((file) => existsSync(dirname(file)))).toEqual([]);
    expect(() => process.kill(-(child.pid ?? 0), 0)).toThrow('ESRCH');
  });
});
