// The stand-ins for Entra and for GitHub's issuer of ID tokens, as Microsoft's own client meets them.
import { ClientAssertionCredential } from '@azure/identity';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type FakeEntra, startEntra } from '../fakes/entra.ts';
import { type GitHubOidc, startGitHubOidc } from '../fakes/github-oidc.ts';
import { isSignedBy, newSigner, readJwt, seconds } from '../fakes/jwt.ts';
import { makeAuthority } from '../fixtures/certificates.ts';
import { scratchFolder } from '../fixtures/oci-layout.ts';
import { findTool } from '../tooling/find.ts';
import { trust } from '../fixtures/trust.ts';

const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const CLIENT = '11111111-2222-4333-8444-555555555555';
const AUDIENCE = 'api://AzureADTokenExchange';
const SCOPES = ['management.azure.com', 'ml.azure.com', 'storage.azure.com', 'containerregistry.azure.net'];

describe.skipIf(findTool('openssl') === undefined)('a stand-in for Entra', () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let entra: FakeEntra;
  let oidc: GitHubOidc;
  beforeAll(async () => {
    scratch = await scratchFolder();
    const authority = await makeAuthority(scratch.path);
    await trust(authority.certificate);
    const tls = await authority.issue('entra', 'IP:127.0.0.1');
    oidc = await startGitHubOidc(tls);
    const credentials = [{ issuer: oidc.issuer, subject: oidc.subject }];
    const apps = [{ clientId: CLIENT, credentials }];
    entra = await startEntra(tls, { tenantId: TENANT, apps });
  });
  afterAll(async () => {
    await entra?.stop();
    await oidc?.stop();
    await scratch?.[Symbol.asyncDispose]();
  });

  const ask = (assertion: () => string, { scope = SCOPES[0], client = CLIENT, tenant = TENANT } = {}) =>
    new ClientAssertionCredential(tenant, client, () => Promise.resolve(assertion()), {
      authorityHost: entra.url,
      disableInstanceDiscovery: true,
    }).getToken(`https://${scope}/.default`);

  const right = () => oidc.token(AUDIENCE);

  it.each(SCOPES)('gives a workflow a signed token for %s', async (scope) => {
    const { token } = await ask(() => oidc.token(AUDIENCE), { scope });
    expect(readJwt(token)?.claims).toMatchObject({ aud: `https://${scope}`, tid: TENANT, appid: CLIENT });
    const published = await fetch(`${entra.url}/${TENANT}/discovery/v2.0/keys`);
    const { keys } = (await published.json()) as { keys: [] };
    expect(isSignedBy(token, keys)).toBe(true);
  });

  it('gives tokens that live as long as a test wants', async () => {
    entra.livesSeconds = 20;
    onTestFinished(() => void (entra.livesSeconds = 3599));
    const { token } = await ask(right);
    const { iat, exp } = readJwt(token)?.claims ?? {};
    expect(Number(exp) - Number(iat)).toBe(20);
  });

  const forged = newSigner('github');
  it.each([
    ['AADSTS700213', 'another subject', () => oidc.token(AUDIENCE, { sub: 'repo:acme/churn:pull_request' })],
    [
      'AADSTS7002138',
      'a subject in capitals',
      () => oidc.token(AUDIENCE, { sub: oidc.subject.toUpperCase() }),
    ],
    ['AADSTS700212', 'another audience', () => oidc.token('https://github.com/acme')],
    ['AADSTS700211', 'another issuer', () => oidc.token(AUDIENCE, { iss: 'https://issuer.test' })],
    ['AADSTS700024', 'an assertion that has expired', () => oidc.token(AUDIENCE, { exp: seconds() - 1 })],
    ['AADSTS700024', 'one that is not yet good', () => oidc.token(AUDIENCE, { nbf: seconds() + 60 })],
    ['AADSTS50027', 'what is no token', () => 'secret'],
    [
      'AADSTS700027',
      'a signature by somebody else',
      () => forged.sign(readJwt(oidc.token(AUDIENCE))?.claims ?? {}),
    ],
  ])('refuses with %s %s', async (code, _, assertion) => {
    const before = entra.tokens.length;
    await expect(ask(assertion)).rejects.toThrow(`${code}: `);
    expect(entra.tokens).toHaveLength(before);
  });

  it('knows which applications, tenants and resources there are', async () => {
    await expect(ask(right, { client: TENANT })).rejects.toThrow('AADSTS700016: ');
    await expect(ask(right, { scope: 'vault.azure.net' })).rejects.toThrow('AADSTS500011: ');
    await expect(ask(right, { tenant: CLIENT })).rejects.toThrow(/tenant|endpoints/i);
  });

  it('takes the subject with ids from the same repository only where that is what it trusts', async () => {
    oidc.run.subject = 'ids';
    onTestFinished(() => void (oidc.run.subject = 'names'));
    expect(oidc.subject).toBe('repo:acme@9876543/churn@123456789:ref:refs/heads/main');
    await expect(ask(() => oidc.token(AUDIENCE))).rejects.toThrow('AADSTS700213: ');
    const [app] = entra.apps;
    app?.credentials.push({ issuer: oidc.issuer, subject: oidc.subject });
    expect(await ask(() => oidc.token(AUDIENCE))).toMatchObject({ token: expect.stringContaining('.') });
  });
});
