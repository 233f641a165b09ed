// The bytes of a job's request: what Microsoft's SDK leaves out of them, and that ours does not.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { AzureMachineLearningWorkspaces } from '@azure/arm-machinelearning';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataInput, modelOutput } from '../../src/azure/ml/submit/job-body.ts';
import { openMlWorkspace } from '../../src/azure/ml/workspace.ts';
import { makeAuthority } from '../fixtures/certificates.ts';
import { scratchFolder } from '../fixtures/oci-layout.ts';
import { findTool } from '../tooling/find.ts';

const CREDENTIAL = {
  source: 'test',
  getToken: async () => ({ token: 'token', expiresOnTimestamp: Date.now() + 3_600_000 }),
};
const SETTINGS = { subscription: 'S', resourceGroup: 'R', workspace: 'W' };
const JOB = {
  properties: {
    jobType: 'Command' as const,
    command: 'true',
    environmentId: 'azureml:e:1',
    inputs: { train: dataInput({ id: '/data/d/versions/1', type: 'uri_file' }) },
    outputs: { model: modelOutput('azureml://datastores/d/paths/p') },
  },
};

describe.skipIf(findTool('openssl') === undefined)('the request that makes a job', () => {
  const stack = new AsyncDisposableStack();
  const bodies: string[] = [];
  let endpoint = '';
  beforeAll(async () => {
    const scratch = stack.use(await scratchFolder());
    const authority = await makeAuthority(scratch.path);
    const { certificate, key } = await authority.issue('arm', 'IP:127.0.0.1');
    const trusted = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...trusted, readFileSync(authority.certificate, 'utf8')]);
    const server = createServer(
      { key: readFileSync(key), cert: readFileSync(certificate) },
      async (request, response) => {
        const body = Buffer.concat(await Array.fromAsync(request)).toString();
        bodies.push(body);
        response.writeHead(201, { 'content-type': 'application/json' }).end(body);
      },
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    stack.defer(() => {
      tls.setDefaultCACertificates(trusted);
      server.close().closeAllConnections();
    });
    endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => stack.disposeAsync());

  const lastSent = (): typeof JOB => JSON.parse(bodies.at(-1) ?? '');

  // First: the mend changes an object that all clients share.
  it('has neither URI nor mode with the SDK as it is', async () => {
    const plain = new AzureMachineLearningWorkspaces(CREDENTIAL, 'S', { endpoint });
    await plain.jobs.createOrUpdate('R', 'W', 'J', JOB);
    expect(lastSent().properties).toMatchObject({
      inputs: { train: { jobInputType: 'uri_file' } },
      outputs: { model: { jobOutputType: 'uri_folder' } },
    });
    expect(bodies.at(-1)).not.toMatch(/"uri"|"mode"/);
  });

  it('has both in ours, and the answer is read with them', async () => {
    const environment = { EDGELOOP_ARM_ENDPOINT: endpoint };
    const ml = openMlWorkspace({ settings: SETTINGS, credential: CREDENTIAL, environment, mask: () => {} });
    const answer = await ml.client.jobs.createOrUpdate(...ml.at, 'J', JOB);
    expect(lastSent()).toEqual(JOB);
    expect(answer.properties).toMatchObject(JOB.properties);
  });
});
