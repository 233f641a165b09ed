// A real registry that is reached only through a company's proxy, by the program itself.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConnectProxy, type ConnectProxySettings, startConnectProxy } from '../fakes/connect-proxy.ts';
import { makeAuthority } from '../fixtures/certificates.ts';
import { churnProject, edgeloopWith, type Ran } from '../fixtures/churn-project.ts';
import { checkError } from '../fixtures/expect-error.ts';
import { scratchFolder } from '../fixtures/oci-layout.ts';
import { availableWithCertificates, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';

const LOGIN = { username: 'bob', password: 'hunter2' };
const BASIC = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');

describe.skipIf(!availableWithCertificates('distribution'))('a registry behind a proxy', () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let registry: RunningRegistry;
  let trust: Record<string, string>;
  let project: string;
  beforeAll(async () => {
    scratch = await scratchFolder();
    const authority = await makeAuthority(scratch.path);
    const tls = await authority.issue('registry', 'DNS:registry.test,IP:0.0.0.0');
    trust = { NODE_EXTRA_CA_CERTS: authority.certificate };
    registry = await startRegistry('distribution', { tls });
    project = churnProject();
  });
  afterAll(async () => {
    await registry?.stop();
    await scratch?.[Symbol.asyncDispose]();
  });

  const plan = (host: string, environment: Record<string, string>): Promise<Ran> => {
    const registryAndTrust = { EDGELOOP_REGISTRY: `${host}/models`, ...trust };
    // Whoever runs the test may be behind a proxy too.
    const none = { HTTPS_PROXY: '', https_proxy: '', NO_PROXY: '', no_proxy: '' };
    const variables = { ...registryAndTrust, ...none, ...environment };
    return edgeloopWith(variables, project, 'plan', 'churn', '--log-level', 'debug');
  };
  const start = (settings: ConnectProxySettings = {}): Promise<ConnectProxy> =>
    startConnectProxy({ names: { 'registry.test:443': registry.host }, ...settings });

  it.each(['HTTPS_PROXY', 'https_proxy'])('is reached with %s', async (name) => {
    await using proxy = await start();
    expect(await plan('registry.test', { [name]: `http://${proxy.host}` })).toMatchObject({ code: 0 });
    expect(new Set(proxy.tunnels.map(({ to }) => to))).toEqual(new Set(['registry.test:443']));
  });

  it.each(['NO_PROXY', 'no_proxy'])('is reached directly where %s names it', async (name) => {
    await using proxy = await start();
    const direct = registry.host.replace('127.0.0.1', '0.0.0.0');
    const through = { HTTPS_PROXY: `http://${proxy.host}` };
    expect(await plan(direct, { ...through, [name]: 'example.com,0.0.0.0' })).toMatchObject({ code: 0 });
    expect(proxy.tunnels).toEqual([]);
    // Without it this address goes to the proxy as well.
    expect(await plan(direct, through)).toMatchObject({ code: 1 });
    expect(proxy.tunnels.map(({ to }) => to)).toContain(direct);
  });

  it('is reached through a proxy that wants a password', async () => {
    await using proxy = await start({ login: LOGIN });
    const ran = await plan('registry.test', { HTTPS_PROXY: `http://bob:hunter2@${proxy.host}` });
    expect(ran).toMatchObject({ code: 0 });
    expect(proxy.tunnels[0]?.authorization).toBe(`Basic ${BASIC}`);
  });

  it.each([
    [407, 'proxy-refused', 'USER:PASSWORD'],
    [403, 'proxy-refused', 'NO_PROXY'],
    [502, 'http-failed', 'NO_PROXY'],
  ] as const)('is not reached through one that answers %i, which is named', async (refuse, code, remedy) => {
    await using proxy = await start({ refuse });
    const ran = await plan('registry.test', { HTTPS_PROXY: `http://bob:hunter2@${proxy.host}` });
    checkError(ran, { exit: 1, code, says: [`http://${proxy.host}`, `${refuse}`, 'registry.test', remedy] });
    expect(`${ran.stdout}${ran.stderr}`).not.toMatch(new RegExp(`hunter2|${BASIC}`));
  });

  it('is not reached through one that is down, which is named', async () => {
    const proxy = await start();
    await proxy.stop();
    const ran = await plan('registry.test', { HTTPS_PROXY: `http://bob:hunter2@${proxy.host}` });
    checkError(ran, {
      exit: 1,
      code: 'http-failed',
      says: ['https://registry.test/', 'ECONNREFUSED', `asked through http://${proxy.host}, as HTTPS_PROXY`],
    });
    expect(ran.stderr).not.toContain('hunter2');
  });

  it.each(['socks5://bob:hunter2@127.0.0.1:1', 'bob:hunter2@127.0.0.1:1', '127.0.0.1:3128', 'hunter2'])(
    'is not asked directly when the proxy is written as %s',
    async (setting) => {
      const ran = await plan('registry.test', { HTTPS_PROXY: setting });
      checkError(ran, { exit: 2, code: 'proxy-invalid', says: ['HTTPS_PROXY', 'http://HOST:PORT'] });
      expect(ran.stderr).not.toContain('hunter2');
    },
  );
});
