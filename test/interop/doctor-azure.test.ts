// `edgeloop doctor` for a project that has everything in Azure: who we are, what we may, what is missing and how to mend it.
import { once } from 'node:events';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Acr, acrAvailable, startAcr } from '../fakes/acr/stand-in.ts';
import type { Role } from '../fakes/acr/tokens.ts';
import { type FakeAzureMl, startAzureMl } from '../fakes/azureml/stand-in.ts';
import { accessToken } from '../fakes/entra.ts';
import { gitHubAvailable, type GitHubStandIn, startGitHub } from '../fakes/github/stand-in.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { blobProject, type BlobScene, startBlobScene } from '../fixtures/blob-project.ts';
import { commit, edgeloopWith } from '../fixtures/churn-project.ts';
import { scratchFolder } from '../fixtures/oci-layout.ts';

interface Check {
  code: string;
  status: string;
  message: string;
  mend?: string;
}

const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const WRITER: Role = 'Container Registry Repository Writer';

describe.skipIf(!azuriteAvailable() || !acrAvailable() || !gitHubAvailable())(
  'edgeloop doctor with all of Azure',
  () => {
    let scene: BlobScene;
    let acr: Acr;
    let ml: FakeAzureMl;
    let github: GitHubStandIn;
    let scratch: Awaited<ReturnType<typeof scratchFolder>>;
    let machine: Awaited<ReturnType<typeof startNobody>>;
    let project: string;
    let common: Record<string, string>;
    let usual: FakeAzureMl['neighbours'];
    let identities = 0;
    beforeAll(async () => {
      [scene, acr, scratch, machine] = await Promise.all([
        startBlobScene(),
        startAcr(),
        scratchFolder(),
        startNobody(),
      ]);
      const { azurite } = scene;
      ml = await startAzureMl({
        tls: await azurite.authority.issue('ml', 'IP:127.0.0.1'),
        storage: azurite,
        registry: 'acme',
      });
      usual = { ...ml.neighbours };
      ({ project } = await blobProject(scene, 'churn'));
      const { subscription, resourceGroup, workspace } = ml.place;
      const section = { subscription, resourceGroup, workspace };
      appendFileSync(
        join(project, 'edgeloop.yaml'),
        `\nazure:\n${Object.entries(section)
          .map(([name, value]) => `  ${name}: ${value}\n`)
          .join('')}`,
      );
      commit(project, 'all of it lies in Azure');
      github = await startGitHub(project);
      const authorities = join(scratch.path, 'authorities.pem');
      const files = [acr.environment['NODE_EXTRA_CA_CERTS'] ?? '', azurite.authority.certificate];
      writeFileSync(authorities, files.map((file) => readFileSync(file, 'utf8')).join('\n'));
      common = {
        ...scene.common,
        ...acr.environment,
        ...ml.environment,
        ...machine.environment,
        ...github.environment,
        NODE_EXTRA_CA_CERTS: authorities,
        EDGELOOP_REGISTRY: `${acr.host}/models`,
      };
    }, 60_000);
    afterEach(() => {
      ml.heal();
      ml.may.role = 'AzureML Data Scientist';
      Object.assign(ml.neighbours, usual);
    });
    afterAll(async () => {
      machine?.stop();
      await github?.[Symbol.asyncDispose]();
      await ml?.stop();
      await acr?.stop();
      await scene?.[Symbol.asyncDispose]();
      await scratch?.[Symbol.asyncDispose]();
    });

    /** Somebody who is signed in to the Azure CLI and has this role at the registry. */
    function signedIn(role: Role): Record<string, string> {
      const folder = join(scratch.path, `cli-${++identities}`);
      mkdirSync(folder);
      const tokens = {
        'https://containerregistry.azure.net': acr.accounts.add(role).entraToken,
        'https://management.azure.com': accessToken(TENANT, 'https://management.azure.com'),
        'https://storage.azure.com': accessToken(TENANT, 'https://storage.azure.com'),
      };
      const cases = Object.entries(tokens).map(([resource, accessToken_]) => {
        const said = {
          accessToken: accessToken_,
          expires_on: Math.floor(Date.now() / 1000) + 3600,
          tenant: TENANT,
        };
        return `*${resource}*) echo '${JSON.stringify(said)}';;`;
      });
      const program = join(folder, 'az');
      writeFileSync(program, `#!/bin/sh\ncase "$*" in\n${cases.join('\n')}\n*) exit 1;;\nesac\n`);
      chmodSync(program, 0o755);
      return { PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}` };
    }

    async function doctor(code: number, more: Record<string, string>, ...args: string[]) {
      const ran = await edgeloopWith({ ...common, ...more }, project, 'doctor', '--json', ...args);
      expect({ code: ran.code, out: ran.code === code ? '' : ran.stdout, stderr: ran.stderr }).toEqual({
        code,
        out: '',
        stderr: '',
      });
      const secrets = [...acr.accounts.secrets, github.tokens.write].filter((one) =>
        ran.stdout.includes(one),
      );
      expect(secrets).toEqual([]);
      const { checks }: { checks: Check[] } = JSON.parse(ran.stdout);
      const found = (name: string) => checks.find((one) => one.code === name);
      return { checks, found, statuses: Object.fromEntries(checks.map((one) => [one.code, one.status])) };
    }

    function put(name: string, model: string, hours: number) {
      return ml.jobs.add(
        name,
        {
          jobType: 'Command',
          command: 'true',
          environmentId: 'azureml://registries/azureml/environments/x/versions/1',
          tags: { 'dev.edgeloop.model': model, 'dev.edgeloop.input-key': 'a'.repeat(64) },
        },
        { createdAt: new Date(Date.now() - hours * 3_600_000), status: 'Queued' },
      );
    }

    const DATA_SCIENTIST = ['Microsoft.MachineLearningServices/workspaces/*/write'];

    it('finds everything in order for who has the right roles', async () => {
      Object.assign(ml.neighbours, {
        roleAssignmentMode: 'AbacRepositoryPermissions',
        registryLocation: 'West Europe',
        actions: DATA_SCIENTIST,
      });
      const before = acr.proxy.requests.length;
      const { statuses, found } = await doctor(0, signedIn(WRITER));
      expect(statuses).toEqual({
        configuration: 'ok',
        node: 'ok',
        'onnx-runtime': 'ok',
        git: 'skipped',
        registry: 'ok',
        'registry-push': 'ok',
        'registry-locks': 'ok',
        github: 'ok',
        'azure-identity': 'ok',
        'federated-credential': 'skipped',
        'azure-data': 'ok',
        'azure-workspace': 'ok',
        'azure-submit': 'ok',
        'azure-storage': 'ok',
        'azure-registry': 'ok',
        'azure-regions': 'ok',
      });
      expect(found('azure-identity')?.message).toMatch(
        /^Azure CLI \(.*before it, in vain: workflow token \(OIDC\): .*; workload identity file: .*; managed identity: /,
      );
      expect(found('azure-registry')?.message).toMatch(/AcrPull and AcrPush do not/);
      // Nothing was written: a token is all that is asked for with a POST.
      const written = [...acr.proxy.requests.slice(before), ...ml.requests].filter(
        ({ method, path }) => method !== 'GET' && !path.startsWith('/oauth2/'),
      );
      expect(written).toEqual([]);
    });

    it('names each role that is missing, and where', async () => {
      Object.assign(ml.neighbours, { registryLocation: 'northeurope', actions: ['*/read'] });
      const { statuses, found } = await doctor(0, signedIn('AcrPull'));
      expect(statuses).toMatchObject({
        registry: 'ok',
        'registry-push': 'warn',
        'registry-locks': 'warn',
        'azure-submit': 'warn',
        'azure-regions': 'warn',
      });
      expect(found('registry-push')?.mend).toMatch(/AcrPush.*Repository Writer.*\(ABAC\)/);
      expect(found('registry-locks')?.mend).toMatch(/registries\/metadata\/write/);
      expect(found('azure-submit')?.message).toMatch(/workspaces\/jobs\/write/);
      expect(found('azure-submit')?.mend).toMatch(/"AzureML Data Scientist" on the workspace/);
      expect(found('azure-regions')?.message).toMatch(
        /workspace acme-ml in westeurope, registry acme\.azurecr\.io in northeurope/,
      );
    });

    it('fails for who may not even look, and says what nobody could be asked', async () => {
      ml.may.role = 'nothing';
      for (const path of [/\/Microsoft\.Authorization\//, /\/Microsoft\.ContainerRegistry\//])
        ml.fault({ fault: 'answer', status: 403 }, { method: 'GET', path, times: Infinity });
      const { statuses, found } = await doctor(1, signedIn('AcrPull'));
      expect(statuses).toMatchObject({
        'azure-workspace': 'fail',
        'azure-submit': 'skipped',
        'azure-storage': 'fail',
        'azure-registry': 'skipped',
        'azure-data': 'ok',
      });
      expect(found('azure-workspace')?.mend).toMatch(/"AzureML Data Scientist" on the workspace "acme-ml"/);
    });

    it('tells once why there is no identity, whatever else needs one', async () => {
      const { checks, found } = await doctor(1, { PATH: '/usr/bin:/bin' });
      expect(found('registry')).toMatchObject({
        status: 'fail',
        message: expect.stringMatching(/: see azure-identity$/),
      });
      const told = checks.filter(({ message }) => message.includes('Azure CLI could not be found'));
      expect(told.map(({ code }) => code)).toEqual(['azure-identity']);
    });

    it('prints what Entra must be told of the repository, in the format that GitHub says it has', async () => {
      const { oidcSubject } = github;
      oidcSubject.sub_claim_prefix = 'repo:acme@1/churn@2';
      const { found } = await doctor(1, {
        AZURE_CLIENT_ID: '00000000-1111-4222-8333-444444444444',
        PATH: '/usr/bin:/bin',
      });
      const credential = found('federated-credential');
      expect(credential?.message).toMatch(
        /subjects repo:acme@1\/churn@2:ref:refs\/heads\/main, repo:acme@1\/churn@2:pull_request, repo:acme@1\/churn@2:environment:production/,
      );
      const lines = credential?.mend?.split('\n') ?? [];
      const told = lines.map((line) => {
        const [, id, parameters = ''] =
          /^az ad app federated-credential create --id (\S+) --parameters '(.+)'$/.exec(line) ?? [];
        return { id, credential: JSON.parse(parameters) };
      });
      expect(told).toHaveLength(3);
      expect(told[0]).toEqual({
        id: '00000000-1111-4222-8333-444444444444',
        credential: {
          name: 'edgeloop-main',
          issuer: `${github.url}/_services/token`,
          subject: 'repo:acme@1/churn@2:ref:refs/heads/main',
          audiences: ['api://AzureADTokenExchange'],
        },
      });
    });

    it('tells, in a workflow, the subject of this very job, whether Entra knows it or not', async () => {
      const { AZURE_FEDERATED_TOKEN_FILE: _, ...who } = scene.identity;
      const { EDGELOOP_REGISTRY_USERNAME: user = '', EDGELOOP_REGISTRY_PASSWORD: password = '' } =
        acr.tokenLogin('AcrPull');
      const registry = { EDGELOOP_REGISTRY_USERNAME: user, EDGELOOP_REGISTRY_PASSWORD: password };
      const job = { ...who, ...scene.oidc.environment, ...registry, PATH: '/usr/bin:/bin' };
      const known = await doctor(0, job);
      expect(known.found('azure-identity')?.message).toMatch(
        /^workflow token \(OIDC\) \(.*\); not asked, since it comes first: workload identity file, managed identity, Azure CLI$/,
      );
      expect(known.found('federated-credential')).toMatchObject({
        status: 'ok',
        message: expect.stringContaining('of this job: repo:acme/churn:ref:refs/heads/main'),
      });
      scene.oidc.run.context = 'environment:production';
      const unknown = await doctor(1, job);
      expect(unknown.found('azure-identity')).toMatchObject({
        status: 'fail',
        message: expect.stringContaining('AADSTS700213'),
      });
      expect(unknown.found('federated-credential')).toMatchObject({
        status: 'fail',
        message: expect.stringContaining('of this job: repo:acme/churn:environment:production'),
      });
    });

    it('sweeps only jobs that nobody can wait for, and only with a yes', async () => {
      const [left, young, other] = [
        put('left', 'churn', 60),
        put('young', 'churn', 1),
        put('other', 'fraud', 60),
      ];
      const who = signedIn(WRITER);
      const looked = await doctor(0, who, '--sweep');
      expect(looked.checks.map(({ code, message }) => `${code} ${message.split(' ')[0]}`).toSorted()).toEqual(
        ['job-left left', 'job-under-way other', 'job-under-way young'],
      );
      expect(left.status).toBe('Queued');
      const swept = await doctor(0, who, '--sweep', '--yes');
      expect(swept.found('job-cancelled')?.message).toMatch(/^left \(churn\) is Cancel/);
      expect([young.status, other.status]).toEqual(['Queued', 'Queued']);
      expect(left.abort.signal.aborted || left.status.startsWith('Cancel')).toBe(true);
    });
  },
);

/** The metadata service of a virtual machine that has no identity. */
async function startNobody() {
  const server = createServer((_request, response) => {
    response.writeHead(400, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: 'invalid_request', error_description: 'Identity not found' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  return {
    environment: { AZURE_POD_IDENTITY_AUTHORITY_HOST: url, NO_PROXY: '127.0.0.1' },
    stop: () => void server.close().closeAllConnections(),
  };
}
