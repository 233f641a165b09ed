import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acrAvailable, type Acr, startAcr } from '../../test/fakes/acr/stand-in.ts';
import type { Role } from '../../test/fakes/acr/tokens.ts';
import { lockOne } from '../loop/lock-version.ts';
import { logIn, openHttpRepository, writeArtifact } from '../oci/index.ts';
import { openRegistryLocks } from './registry-locks.ts';

const WRITER = 'Container Registry Repository Writer';
const artifact = (text: string) => ({
  artifactType: 'application/vnd.test',
  mediaType: 'text/plain',
  bytes: Buffer.from(text),
});

describe.skipIf(!acrAvailable())('the locks of a repository in Azure', () => {
  let acr: Acr;
  let scenes = 0;
  beforeAll(async () => {
    acr = await startAcr();
    Object.assign(process.env, { HTTPS_PROXY: acr.environment['HTTPS_PROXY'] });
    const authority = readFileSync(acr.environment['NODE_EXTRA_CA_CERTS'] ?? '', 'utf8');
    setDefaultCACertificates([...getCACertificates(), authority]);
  }, 30_000);
  afterAll(async () => {
    delete process.env['HTTPS_PROXY'];
    await acr.stop();
  });

  /** A repository with one artifact under the tag `1.0.0`, and its locks, for somebody whom Entra knows. */
  async function opened(role: Role) {
    const { entraToken } = acr.accounts.add(role);
    const environment = { ...acr.environment };
    const authorization = logIn({ environment, entraToken: async () => entraToken })(acr.host);
    const name = `models-${++scenes}/churn`;
    const repository = openHttpRepository(name, { host: acr.host, authorization });
    const { digest } = await writeArtifact(repository, { ...artifact('a'), tag: '1.0.0' });
    return {
      name,
      repository,
      digest,
      locks: openRegistryLocks({ host: acr.host, repository: name, authorization }),
    };
  }

  it('are read and set through one exchange of a token of Entra', async () => {
    const { locks, digest, repository } = await opened(WRITER);
    expect(await locks.read('2.0.0')).toBeUndefined();
    expect(await locks.read(`sha256:${'0'.repeat(64)}`)).toBeUndefined();
    for (const reference of ['1.0.0', digest]) {
      expect(await locks.read(reference)).toEqual({ digest, isLocked: false });
      expect(await locks.lock(reference)).toEqual({ digest, isLocked: true });
      expect(await locks.lock(reference)).toEqual({ digest, isLocked: true });
      expect(await locks.read(reference)).toEqual({ digest, isLocked: true });
    }
    const exchanges = acr.proxy.requests.filter(({ path }) => path === '/oauth2/exchange');
    expect(exchanges.map(({ status }) => status)).toEqual([200]);
    // The same again is no change; anything else under that tag is.
    expect(await writeArtifact(repository, { ...artifact('a'), tag: '1.0.0' })).toMatchObject({ digest });
    const other = await writeArtifact(repository, artifact('b'));
    const { bytes } = (await repository.readManifest(other.digest)) ?? { bytes: Buffer.of() };
    await expect(repository.writeManifest(bytes, { tag: '1.0.0', moveTag: true })).rejects.toMatchObject({
      code: 'tag-not-moved',
    });
    expect((await repository.resolve('1.0.0'))?.digest).toBe(digest);
  });

  it('that the account may not set are refused with the right that it lacks, and can be read', async () => {
    const { locks, digest } = await opened('AcrPush');
    expect(await locks.read('1.0.0')).toEqual({ digest, isLocked: false });
    await expect(locks.lock('1.0.0')).rejects.toMatchObject({
      code: 'registry-lock-refused',
      remedy: expect.stringContaining('metadata/write'),
      cause: { code: 'registry-unauthorized', message: expect.stringContaining('the Entra identity') },
    });
  });

  it('that the registry takes and does not keep are told, and nothing else is ever locked', async () => {
    const { locks, digest } = await opened(WRITER);
    const body = tagAsItIs(digest);
    acr.proxy.fault(
      { fault: 'answer', status: 200, headers: { 'content-type': 'application/json' }, body },
      { method: 'PATCH', path: /./ },
    );
    await expect(lockOne(locks, '1.0.0', digest)).rejects.toMatchObject({ code: 'registry-lock-failed' });
    const other = `sha256:${'1'.repeat(64)}`;
    await expect(lockOne(locks, '1.0.0', other)).rejects.toMatchObject({ code: 'tag-exists' });
    expect(await locks.read('1.0.0')).toEqual({ digest, isLocked: false });
  });

  it.each([
    { name: 'a login page', headers: { 'content-type': 'text/html' }, body: '<html></html>' },
    { name: 'no JSON', headers: { 'content-type': 'application/json' }, body: '{"tag":' },
    { name: 'other JSON', headers: { 'content-type': 'application/json' }, body: '{"tag":{"name":"1.0.0"}}' },
  ])('that a registry answers with $name are not made up', async ({ headers, body }) => {
    const { locks } = await opened(WRITER);
    const attributes = { method: 'GET', path: /^\/acr\/v1\// };
    acr.proxy.fault({ fault: 'answer', status: 200, headers, body }, attributes);
    await expect(locks.read('1.0.0')).rejects.toMatchObject({ code: 'registry-answer-unexpected' });
    expect(await locks.read('1.0.0')).toMatchObject({ isLocked: false });
  });

  it('are listed for all that there is in a few requests, and slower when the registry asks for it', async () => {
    const { locks, digest, name } = await opened(WRITER);
    const tags = join(acr.storage, 'docker/registry/v2/repositories', name, '_manifests/tags');
    for (let patch = 1; patch < 250; patch++)
      cpSync(join(tags, '1.0.0'), join(tags, `1.0.${patch}`), { recursive: true });
    await locks.lock('1.0.249');
    await locks.lock(digest);
    const before = acr.proxy.requests.length;
    const throttled = { fault: 'answer', status: 429, headers: { 'retry-after': '1' } } as const;
    acr.proxy.fault(throttled, { path: /_tags\?.*last=/, nth: 2 });
    const listed = await locks.list();
    expect(listed.size).toBe(251);
    expect([...listed].filter(([, { isLocked }]) => isLocked).map(([reference]) => reference)).toEqual([
      '1.0.249',
      digest,
    ]);
    expect(new Set([...listed.values()].map((state) => state.digest))).toEqual(new Set([digest]));
    const asked = acr.proxy.requests.slice(before).filter(({ path }) => path.startsWith('/acr/v1/'));
    expect(asked.map(({ status }) => status)).toEqual([200, 200, 429, 200, 200]);
  });

  it('are none where there is no repository, and told where they cannot be read', async () => {
    const { locks } = await opened(WRITER);
    acr.proxy.fault({ fault: 'answer', status: 404 }, { path: /_tags/ });
    expect(await locks.list()).toEqual(new Map());
    const page = { fault: 'answer', status: 200, headers: { 'content-type': 'application/json' } } as const;
    acr.proxy.fault({ ...page, body: '{"tags":[{"name":"1.0.0"}]}' }, { path: /_tags/ });
    await expect(locks.list()).rejects.toMatchObject({ code: 'registry-answer-unexpected' });
    acr.proxy.fault({ fault: 'answer', status: 403 }, { path: /_tags/ });
    await expect(locks.list()).rejects.toMatchObject({ code: 'registry-lock-refused' });
  });

  function tagAsItIs(digest: string): string {
    const at = '2026-01-01T00:00:00Z';
    const changeableAttributes = {
      deleteEnabled: true,
      writeEnabled: true,
      listEnabled: true,
      readEnabled: true,
    };
    const tag = { name: '1.0.0', digest, createdTime: at, lastUpdateTime: at, changeableAttributes };
    return JSON.stringify({ registry: acr.host, imageName: 'churn', tag });
  }
});
