// Who the program is to Azure's registry: its Entra identity in the place of a password, in every verb and on a device.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Acr, acrAvailable, startAcr } from '../fakes/acr/stand-in.ts';
import type { Role } from '../fakes/acr/tokens.ts';
import { arcAvailable, startArc } from '../fakes/arc.ts';
import { edgeloopWith, PROGRAM, type Ran } from '../fixtures/churn-project.ts';
import { checkError } from '../fixtures/expect-error.ts';
import { scratchFolder } from '../fixtures/oci-layout.ts';
import { newScene, run } from '../fixtures/release-scene.ts';

const WRITER: Role = 'Container Registry Repository Writer';
describe.skipIf(!acrAvailable())("an identity at Azure's registry", () => {
  let acr: Acr;
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let model: string;
  let accounts = 0;
  let machine: Awaited<ReturnType<typeof startNobody>>;
  beforeAll(async () => {
    machine = await startNobody();
    acr = await startAcr();
    scratch = await scratchFolder();
    model = join(scratch.path, 'model');
    mkdirSync(model);
    writeFileSync(join(model, 'weights.bin'), 'weights');
  });
  afterAll(async () => {
    machine?.stop();
    await acr?.stop();
    await scratch?.[Symbol.asyncDispose]();
  });

  /** The environment of somebody who is signed in to the Azure CLI, or is not; and the file of what it was asked. */
  function azureCli(entraToken: string | undefined) {
    const folder = join(scratch.path, `cli-${++accounts}`);
    const asked = join(folder, 'asked');
    mkdirSync(folder);
    const said = JSON.stringify({
      accessToken: entraToken,
      expires_on: Math.floor(Date.now() / 1000) + 3600,
      tenant: 'acme',
    });
    const answer =
      entraToken === undefined ? `echo "ERROR: Please run 'az login'." >&2; exit 1` : `echo '${said}'`;
    const program = join(folder, 'az');
    writeFileSync(program, `#!/bin/sh\necho "$@" >> ${asked}\n${answer}\n`);
    chmodSync(program, 0o755);
    const PATH = `${folder}${delimiter}${process.env['PATH'] ?? ''}`;
    return { environment: { ...acr.environment, ...machine.environment, PATH }, asked };
  }
  const exchanges = () => acr.proxy.requests.filter(({ path }) => path === '/oauth2/exchange').length;

  it('pushes, pulls and inspects with the token of "az login", exchanged once by each', async () => {
    const { environment, asked } = azureCli(acr.accounts.add(WRITER).entraToken);
    const ref = `${acr.host}/by-hand/model:first`;
    const before = exchanges();
    const told: Ran[] = [];
    for (const args of [
      ['push', model, ref],
      ['pull', ref, 'back'],
      ['inspect', ref],
    ])
      told.push(await edgeloopWith(environment, scratch.path, ...args));
    expect(told.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      Array.from({ length: 3 }, () => ({ code: 0, stderr: expect.not.stringContaining('error') })),
    );
    expect(readFileSync(join(scratch.path, 'back/weights.bin'), 'utf8')).toBe('weights');
    expect(exchanges() - before).toBe(3);
    expect(readFileSync(asked, 'utf8')).toMatch(/--resource https:\/\/containerregistry\.azure\.net\b/);
    const all = told.map(shown).join('');
    expect(acr.accounts.secrets.filter((secret) => all.includes(secret))).toEqual([]);
  });

  it('is not asked for where user name and password say who we are', async () => {
    const { environment, asked } = azureCli(acr.accounts.add(WRITER).entraToken);
    const both = { ...environment, ...acr.tokenLogin(WRITER) };
    const ran = await edgeloopWith(both, scratch.path, 'push', model, `${acr.host}/by-token/model:first`);
    expect(ran).toMatchObject({ code: 0 });
    expect(existsSync(asked)).toBe(false);
  });

  it('is told which role it lacks', async () => {
    const { environment } = azureCli(acr.accounts.add('AcrPull').entraToken);
    checkError(
      await edgeloopWith(environment, scratch.path, 'push', model, `${acr.host}/denied/model:first`),
      {
        exit: 1,
        code: 'registry-unauthorized',
        says: [
          /acme\.azurecr\.io refused the Entra identity of: Azure CLI \(before it, in vain: .*; managed identity: Identity not found\) \(repository:/,
          /AcrPush to push.*\(ABAC\).*Container Registry Repository Reader or Writer/,
        ],
      },
    );
    const written = acr.proxy.requests.filter(({ method }) => ['POST', 'PUT'].includes(method));
    expect(written.filter(({ path, status }) => /\/denied\//.test(path) && status !== 401)).toEqual([]);
  });

  it('is told that AcrPush does not count where roles are given for repositories, and pushes with one that does', async () => {
    await using abac = await startAcr({ abac: true });
    const push = (role: Role) => {
      const { environment } = azureCli(abac.accounts.add(role).entraToken);
      const there = { ...environment, ...abac.environment };
      return edgeloopWith(there, scratch.path, 'push', model, `${abac.host}/abac/model:first`);
    };
    checkError(await push('AcrPush'), {
      exit: 1,
      code: 'registry-unauthorized',
      says: [/\(ABAC\).*Container Registry Repository Reader or Writer/],
    });
    expect(await push(WRITER)).toMatchObject({ code: 0 });
  });

  it('is missed with the reason of each, and with what stands in for it on a device', async () => {
    const { environment } = azureCli(undefined);
    const ran = await edgeloopWith(environment, scratch.path, 'pull', `${acr.host}/none/model:first`, 'none');
    checkError(ran, {
      exit: 1,
      code: 'registry-unauthorized',
      says: [
        /refused an anonymous request .*, and there is no identity for Azure:/,
        /Azure CLI: Please run 'az login'/,
        /EDGELOOP_REGISTRY_USERNAME and EDGELOOP_REGISTRY_PASSWORD to a token of the registry/,
      ],
    });
    expect(existsSync(join(scratch.path, 'none'))).toBe(false);
  });

  it.each([
    ['a password that is past its expiry', 'password', /az acr token credential generate/],
    ['what "az acr login" left some hours ago', 'docker', /az acr login --name acme.*docker logout/],
  ])('is proposed for %s', async (_name, kind, remedy) => {
    const past = { ...acr.tokenLogin('AcrPull'), EDGELOOP_REGISTRY_PASSWORD: 'past-its-expiry' };
    const docker = await acr.azLogin('AcrPull');
    if (kind === 'docker') {
      const auths = { [acr.host]: { identitytoken: 'past-its-expiry' } };
      writeFileSync(join(docker['DOCKER_CONFIG'] ?? '', 'config.json'), JSON.stringify({ auths }));
    }
    const environment = kind === 'docker' ? docker : past;
    const ran = await edgeloopWith(environment, scratch.path, 'pull', `${acr.host}/old/model:first`, 'old');
    checkError(ran, { exit: 1, code: 'registry-unauthorized', says: [remedy] });
    expect(shown(ran)).not.toContain('past-its-expiry');
  });

  it.skipIf(!arcAvailable())(
    'is, on a device, the one that Azure Arc gives it',
    async () => {
      const { environment: writer } = azureCli(acr.accounts.add(WRITER).entraToken);
      const registry = { EDGELOOP_REGISTRY: `${acr.host}/released` };
      const scene = { ...newScene({ origin: false }), environment: { ...writer, ...registry } };
      await run(scene, scene.project, 'retrain', 'churn');
      await run(scene, scene.project, 'release', 'churn');
      await run(scene, scene.project, 'rollout', 'churn@1.0.0', '--channel', 'production');
      await using arc = await startArc(() => acr.accounts.add('AcrPull').entraToken);
      const nobody = azureCli(undefined);
      const device = { ...nobody.environment, ...arc.environment };
      const args = ['agent', '--http', '127.0.0.1:0', '--registry', registry.EDGELOOP_REGISTRY];
      const child = spawn(process.execPath, [PROGRAM, ...args, '--state', join(scratch.path, 'agent')], {
        cwd: scene.project,
        env: { ...process.env, ...device },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = new Promise((done) => child.once('close', done));
      const first = await new Promise((found) =>
        createInterface({ input: child.stdout }).once('line', found),
      );
      child.kill('SIGTERM');
      await ended;
      expect(first).toMatch(/^ready: http:\/\/127\.0\.0\.1:\d+ serves churn 1\.0\.0$/);
      expect(new Set(arc.resources)).toEqual(new Set(['https://containerregistry.azure.net']));
      expect(existsSync(nobody.asked)).toBe(false);
    },
    120_000,
  );
});

function shown({ stdout, stderr }: Ran): string {
  return stdout + stderr;
}

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
