// Who the program is to Azure: each identity of the chain against what gives its tokens, and what is told without one.
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { storageToken } from '../fakes/entra.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { blobProject, type BlobScene, startBlobScene } from '../fixtures/blob-project.ts';
import { checkError } from '../fixtures/expect-error.ts';
import { scratchFolder } from '../fixtures/oci-layout.ts';

const NO_FILE = { AZURE_FEDERATED_TOKEN_FILE: '' };
const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';

describe.skipIf(!azuriteAvailable())('an identity for Azure', () => {
  let scene: BlobScene;
  let project: string;
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await startMetadata();
    scene = await startBlobScene();
    scratch = await scratchFolder();
    ({ project } = await blobProject(scene, 'churn'));
  });
  afterAll(async () => {
    metadata?.stop();
    await scene?.[Symbol.asyncDispose]();
    await scratch?.[Symbol.asyncDispose]();
  });

  /** An Azure CLI of this shell text, found before any other. */
  const withCli = (text: string) => {
    const file = join(scratch.path, 'az');
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return { PATH: `${scratch.path}${delimiter}${process.env['PATH'] ?? ''}` };
  };
  const signedOut = () => withCli(`echo "ERROR: Please run 'az login' to setup account." >&2; exit 1`);
  const plan = (identity: Record<string, string>) =>
    scene.run(project, ['plan', 'churn', '--log-level', 'error'], {
      AZURE_POD_IDENTITY_AUTHORITY_HOST: metadata.url,
      ...identity,
    });
  /** The token of the last request that the storage saw. */
  const lastToken = () => scene.proxy.requests.at(-1)?.headers.authorization?.replace('Bearer ', '');

  it('is a workload identity file, where there is one', async () => {
    expect(await plan({ ...signedOut(), ...scene.identity })).toMatchObject({ code: 0 });
    expect(scene.entra.tokens).toContain(lastToken());
  });

  it('is the managed identity of the machine', async () => {
    metadata.token = storageToken(TENANT);
    onTestFinished(() => void (metadata.token = undefined));
    const ran = await plan({ ...NO_FILE, ...signedOut() });
    expect(ran).toMatchObject({ code: 0 });
    expect(lastToken()).toBe(metadata.token);
    expect(metadata.asked.at(-1)?.searchParams.get('resource')).toBe('https://storage.azure.com');
  });

  it('is who is signed in to the Azure CLI', async () => {
    const token = storageToken(TENANT);
    const said = { accessToken: token, expires_on: Math.floor(Date.now() / 1000) + 3600, tenant: TENANT };
    const ran = await plan({
      ...NO_FILE,
      ...withCli(`echo "$@" > ${scratch.path}/asked; echo '${JSON.stringify(said)}'`),
    });
    expect(ran).toMatchObject({ code: 0 });
    expect(lastToken()).toBe(token);
  });

  it('is missed with the reason of each', async () => {
    const before = scene.proxy.requests.length;
    checkError(await plan({ ...NO_FILE, ...signedOut() }), {
      exit: 1,
      code: 'azure-no-identity',
      says: [
        'workload identity file: AZURE_FEDERATED_TOKEN_FILE is not set',
        'managed identity: .*Identity not found',
        "Azure CLI: Please run 'az login'",
        'sign in with "az login"',
      ].map((words) => new RegExp(words)),
    });
    expect(scene.proxy.requests).toHaveLength(before);
  });

  it('that may not do what is asked is named, with the reason why it is no other', async () => {
    scene.proxy.fault(
      { fault: 'answer', status: 403, headers: { 'x-ms-error-code': 'AuthorizationPermissionMismatch' } },
      { path: /comp=list/, times: Infinity },
    );
    onTestFinished(() => scene.proxy.heal());
    const ran = await plan({ ...signedOut(), ...scene.identity });
    checkError(ran, {
      exit: 1,
      code: 'blob-forbidden',
      says: [
        /identity of: workload identity file \(before it, in vain: workflow token \(OIDC\): no workflow .*; not asked, since it comes first: managed identity, Azure CLI\)/,
      ],
    });
    expect(ran.stderr).not.toContain(lastToken());
  });

  it('that is refused is not replaced by another one', async () => {
    const wrong = join(scratch.path, 'assertion');
    const token = scene.oidc.token('api://AzureADTokenExchange', {
      sub: 'repo:acme/other:ref:refs/heads/main',
    });
    writeFileSync(wrong, token);
    const cli = withCli(
      `echo '${JSON.stringify({ accessToken: storageToken(TENANT), expires_on: 4_000_000_000 })}'`,
    );
    const before = scene.proxy.requests.length;
    const ran = await plan({ ...scene.identity, ...cli, AZURE_FEDERATED_TOKEN_FILE: wrong });
    checkError(ran, {
      exit: 1,
      code: 'azure-identity-failed',
      says: [
        /workload identity file: .*AADSTS700213: No matching federated identity record found for presented assertion subject 'repo:acme\/other:ref:refs\/heads\/main'/,
      ],
    });
    expect(ran.stderr).toMatch(/Azure CLI: not asked, since the one before it is there/);
    expect(ran.stderr).not.toContain(token);
    // Trace ids help nobody who reads this.
    expect(ran.stderr).not.toMatch(/Trace ID|Correlation ID/);
    expect(scene.proxy.requests).toHaveLength(before);
  });

  // The SDK calls these "unavailable", as it does an identity that nobody has set.
  it.each([
    {
      what: 'whose tenant is another one',
      more: { AZURE_TENANT_ID: TENANT },
      code: 'azure-identity-failed',
      says: /workload identity file: AADSTS90002: Tenant '72f988bf-\S+' not found/,
    },
    {
      what: 'whose Entra cannot be reached',
      more: { AZURE_AUTHORITY_HOST: 'https://127.0.0.1:9' },
      code: 'http-failed',
      says: /https:\/\/127\.0\.0\.1:9\/\S+ could not be reached: connect ECONNREFUSED/,
    },
    {
      what: 'whose Entra has a certificate that is not accepted',
      more: { NODE_EXTRA_CA_CERTS: '' },
      code: 'tls-failed',
      says: /self-signed certificate in certificate chain/,
    },
    {
      what: 'whose file has nothing in it',
      more: { AZURE_FEDERATED_TOKEN_FILE: '/dev/null' },
      code: 'azure-identity-failed',
      says: /workload identity file: .*No content on the file \/dev\/null/,
    },
  ])('$what is not replaced by another one', { timeout: 60_000 }, async ({ more, code, says }) => {
    metadata.token = storageToken(TENANT);
    onTestFinished(() => void (metadata.token = undefined));
    const ran = await plan({ ...signedOut(), ...scene.identity, ...more });
    checkError(ran, { exit: 1, code, says: [says] });
    expect(ran.stderr).not.toMatch(/msal|managed identity: (?!not asked)/);
  });

  it('tells of a file that was not written anew in time', async () => {
    const old = join(scratch.path, 'old-assertion');
    const exp = Math.floor(Date.now() / 1000) - 60;
    writeFileSync(old, scene.oidc.token('api://AzureADTokenExchange', { exp }));
    const ran = await plan({ ...signedOut(), ...scene.identity, AZURE_FEDERATED_TOKEN_FILE: old });
    checkError(ran, {
      exit: 1,
      code: 'azure-identity-failed',
      says: [/AADSTS700024/, /The token in AZURE_FEDERATED_TOKEN_FILE has expired/],
    });
    expect(ran.stderr).not.toContain('Trace ID');
  });
});

interface Metadata {
  url: string;
  /** What the machine's identity gets; without it the machine has none. */
  token: string | undefined;
  asked: URL[];
  stop: () => void;
}

/** A virtual machine's metadata service, as far as it gives tokens. */
async function startMetadata(): Promise<Metadata> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', metadata.url);
    metadata.asked.push(url);
    const isToken = /^\/metadata\/identity\/oauth2\/token\/?$/.test(url.pathname);
    const { token } = metadata;
    const right = isToken && request.headers.metadata === 'true' && token !== undefined;
    response.writeHead(right ? 200 : 400, { 'content-type': 'application/json' });
    const refused = { error: 'invalid_request', error_description: 'Identity not found' };
    const expires_on = `${Math.floor(Date.now() / 1000) + 3600}`;
    response.end(JSON.stringify(right ? { access_token: token, expires_on, token_type: 'Bearer' } : refused));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const stop = () => void server.close().closeAllConnections();
  const metadata: Metadata = { url, token: undefined, asked: [], stop };
  return metadata;
}
