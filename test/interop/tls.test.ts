// A real registry whose certificate only a test's authority vouches for, asked by the program itself.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTokenServer } from '../fixtures/token-server.ts';
import { type Authority, type Certificate, makeAuthority } from '../fixtures/certificates.ts';
import { churnProject, edgeloopWith, type Ran } from '../fixtures/churn-project.ts';
import { checkError } from '../fixtures/expect-error.ts';
import { scratchFolder } from '../fixtures/oci-layout.ts';
import { availableWithCertificates, startRegistry } from '../fixtures/registries.ts';

// Leads to this machine as 127.0.0.1 does, but is no loopback address to the program, which it asks with plain HTTP.
const HERE = '0.0.0.0';

describe.skipIf(!availableWithCertificates('distribution'))('a registry with TLS', () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let authority: Authority;
  let project: string;
  beforeAll(async () => {
    scratch = await scratchFolder();
    authority = await makeAuthority(scratch.path);
    project = churnProject();
  });
  afterAll(() => scratch[Symbol.asyncDispose]());

  const planAt = (host: string, environment: Record<string, string>): Promise<Ran> =>
    edgeloopWith(
      { EDGELOOP_REGISTRY: `${host}/models`, HTTPS_PROXY: '', https_proxy: '', ...environment },
      project,
      'plan',
      'churn',
    );
  /** What `plan` says of a registry with this certificate, and what the registry says of `plan`. */
  const plan = async (tls: Certificate, environment: Record<string, string>) => {
    await using registry = await startRegistry('distribution', { tls });
    const ran = await planAt(registry.host.replace('127.0.0.1', HERE), environment);
    return { ran, log: registry.log() };
  };

  it('is believed with NODE_EXTRA_CA_CERTS, or with the system’s authorities', async () => {
    const tls = await authority.issue('good', `IP:${HERE}`);
    const file = authority.certificate;
    for (const environment of [
      { NODE_EXTRA_CA_CERTS: file },
      { NODE_USE_SYSTEM_CA: '1', SSL_CERT_FILE: file },
    ]) {
      const { ran, log } = await plan(tls, environment);
      expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('churn') });
      expect(log).toContain('/v2/models/churn/manifests/');
    }
  });

  it.each([
    [
      'an authority that is not known',
      `IP:${HERE}`,
      1,
      false,
      ['NODE_EXTRA_CA_CERTS', 'NODE_USE_SYSTEM_CA=1'],
    ],
    [
      'another name',
      'DNS:registry.example',
      1,
      true,
      ['does not match', 'a name that its certificate names'],
    ],
    ['a certificate that has expired', `IP:${HERE}`, -1, true, ['has expired', 'Check the clock']],
  ] as const)('is asked for nothing with %s', async (what, names, days, trusted, says) => {
    const tls = await authority.issue(what.replaceAll(' ', '-'), names, days);
    const { ran, log } = await plan(tls, trusted ? { NODE_EXTRA_CA_CERTS: authority.certificate } : {});
    checkError(ran, { exit: 1, code: 'tls-failed', says: [`the certificate of https://${HERE}:`, ...says] });
    expect(log).not.toContain('/v2/models');
  });

  it('that speaks plain HTTP is told from one that does not answer', async () => {
    const server = await startTokenServer(() => ({}));
    checkError(await planAt(server.host.replace('127.0.0.1', HERE), {}), {
      exit: 1,
      code: 'tls-failed',
      says: [`https://${HERE}:`, 'wrong version number', 'Check the port'],
    });
    expect(server.received).toEqual([]);
  });
});
