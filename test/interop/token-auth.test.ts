// Real registries that ask for tokens, which they check themselves: what a cloud's registry does.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { http } from '../../src/http.ts';
import {
  digestOfStream,
  logIn,
  openRegistry,
  packModel,
  pullModel,
  pushModel,
  type Repository,
} from '../../src/oci/index.ts';
import { authorization } from '../../src/oci/registry/authorization.ts';
import { openHttpRepository } from '../../src/oci/registry/http-registry.ts';
import { startFaultProxy } from '../fakes/fault-proxy.ts';
import { startTokenIssuer, type TokenIssuer } from '../fakes/token-issuer.ts';
import { blobFrom, MODEL_FILES, scratchFolder, writeFiles } from '../fixtures/oci-layout.ts';
import { availableWithCertificates, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';
import { repositoryContract } from '../fixtures/repository-contract.ts';

const ACCOUNT = { username: 'edgeloop', password: 'hunter2 &=' };
const REFRESH = 'refresh-secret';
const GIVEN = {
  EDGELOOP_REGISTRY_USERNAME: ACCOUNT.username,
  EDGELOOP_REGISTRY_PASSWORD: ACCOUNT.password,
};
const PULL = 'repository:models/churn:pull';
const PUSH = 'repository:models/churn:pull,push';

for (const kind of ['docker-registry', 'distribution'] as const) {
  describe.skipIf(!availableWithCertificates(kind))(`${kind} with a token server`, () => {
    let issuer: TokenIssuer;
    let registry: RunningRegistry;
    let home: Awaited<ReturnType<typeof scratchFolder>>;
    beforeAll(async () => {
      issuer = await startTokenIssuer({
        ...ACCOUNT,
        refreshToken: REFRESH,
        anonymousPull: /^models\//,
        denied: /^private\//,
      });
      registry = await startRegistry(kind, { auth: issuer.auth });
      home = await scratchFolder();
    });
    afterAll(async () => {
      await registry?.stop();
      await issuer?.stop();
      await home?.[Symbol.asyncDispose]();
    });

    const open = (environment: Record<string, string>, prefix = 'models'): Repository => {
      const authorize = logIn({ environment: { HOME: home.path, ...environment } });
      return openRegistry(`${registry.host}/${prefix}`, { authorize }).repository('churn');
    };
    /** What docker login left, as the environment of a client. */
    const dockerConfig = async (entry: Record<string, string>): Promise<Record<string, string>> => {
      const config = JSON.stringify({ auths: { [registry.host]: entry } });
      const folder = await writeFiles(join(home.path, randomBytes(4).toString('hex')), {
        'config.json': config,
      });
      return { DOCKER_CONFIG: folder };
    };
    /** What the issuer is asked for meanwhile. */
    const askedIn = async (run: () => Promise<unknown>): Promise<TokenIssuer['asked']> => {
      const before = issuer.asked.length;
      await run();
      return issuer.asked.slice(before);
    };

    describe('does what every repository does', () => {
      const authorize = logIn({ environment: GIVEN });
      repositoryContract(() => openRegistry(`${registry.host}/contract`, { authorize }));
    });

    it('is pushed to with one token for each scope, whatever there is to push', async () => {
      await using scratch = await scratchFolder();
      const folder = await writeFiles(join(scratch.path, 'model'), MODEL_FILES);
      const packed = await packModel(folder, { model: 'churn' });
      const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
      const repository = open(await dockerConfig({ auth }));
      const asked = await askedIn(() => pushModel(repository, packed, { tag: '1.0.0-model' }));
      expect(packed.bytes).toBeGreaterThan(0);
      expect(asked.toSorted((a, b) => (a.scopes[0] ?? '').length - (b.scopes[0] ?? '').length)).toEqual([
        { method: 'GET', by: 'basic', scopes: [PULL], status: 200 },
        { method: 'GET', by: 'basic', scopes: [PUSH], status: 200 },
      ]);
      // Anybody may pull it, with a token for nobody, and nobody else may push.
      const pulling = await askedIn(async () => {
        await pullModel(open({}), packed.descriptor.digest, join(scratch.path, 'pulled'));
      });
      expect(pulling).toEqual([{ method: 'GET', by: 'nobody', scopes: [PULL], status: 200 }]);
      await expect(open({}).writeBlob(blobFrom(randomBytes(9)))).rejects.toMatchObject({
        code: 'registry-unauthorized',
        message: `${registry.host} refused an anonymous request (${PUSH})`,
        remedy: expect.stringContaining(`docker login ${registry.host}`),
      });
    });

    it('takes an identity token, exchanged by a form', async () => {
      const repository = open(await dockerConfig({ identitytoken: REFRESH }));
      const blob = blobFrom(randomBytes(1000));
      const asked = await askedIn(() => repository.writeBlob(blob));
      expect(asked).toEqual([{ method: 'POST', by: 'refresh_token', scopes: [PUSH], status: 200 }]);
      expect(await repository.hasBlob(blob.descriptor.digest)).toBe(true);
    });

    it.each([
      [
        'a wrong password',
        { auth: btoa(`${ACCOUNT.username}:wrong-secret`) },
        'models',
        'the user name "edgeloop"',
      ],
      ['a stale identity token', { identitytoken: 'stale-secret' }, 'models', 'the identity token'],
      ['a scope that is not granted', { identitytoken: REFRESH }, 'private', 'the identity token'],
    ])('says whom it has refused for %s, and no secret', async (_, entry, prefix, who) => {
      const repository = open(await dockerConfig(entry), prefix);
      const error: unknown = await repository.writeBlob(blobFrom(randomBytes(9))).catch((reason) => reason);
      expect(error).toMatchObject({
        code: 'registry-unauthorized',
        message: expect.stringContaining(`${registry.host} refused ${who}`),
        remedy: expect.stringContaining('docker login'),
      });
      expect(String(error)).toContain(`repository:${prefix}/churn:pull,push`);
      expect(`${String(error)}${JSON.stringify(error)}`).not.toMatch(/-secret|hunter2|eyJ/);
    });

    // A client whose clock runs ten times as fast, so that a token that is refused after two seconds is no fresh one.
    const impatient = (host: string): Repository => {
      const credential = { kind: 'basic', ...ACCOUNT } as const;
      const who = authorization({ host, request: http, credential, now: () => Date.now() * 10 });
      return openHttpRepository('models/churn', { host, authorization: who });
    };
    const large = blobFrom(randomBytes(6 * 1024 * 1024));

    it('is given a new token when the first expires in the middle of a push', async () => {
      await using proxy = await startFaultProxy(registry.url);
      proxy.fault({ fault: 'slow', of: 'request', bytesPerSecond: 2_000_000 }, { method: 'PATCH' });
      issuer.nextLivesFor(2500);
      const repository = impatient(proxy.host);
      const asked = await askedIn(() => repository.writeBlob(large));
      expect(asked.map(({ scopes }) => scopes)).toEqual([[PUSH], [PUSH]]);
      const statuses = proxy.requests.map(({ method, status }) => `${method} ${status}`);
      expect(statuses).toEqual(['HEAD 401', 'HEAD 404', 'POST 202', 'PATCH 202', 'PUT 401', 'PUT 201']);
      expect(proxy.bytes({ method: 'PATCH' }).request).toBe(large.descriptor.size);
    });

    it('takes an upload whose token expires before its first bytes are there', async () => {
      const blob = blobFrom(randomBytes(8 * 1024 * 1024));
      let waitMs = 3000;
      const slow = {
        descriptor: blob.descriptor,
        async *open(): AsyncGenerator<Uint8Array> {
          await sleep(waitMs);
          waitMs = 0;
          yield* blob.open();
        },
      };
      issuer.nextLivesFor(2500);
      const asked = await askedIn(() => impatient(registry.host).writeBlob(slow));
      expect(asked.map(({ scopes }) => scopes)).toEqual([[PUSH], [PUSH]]);
      expect(await open(GIVEN).hasBlob(blob.descriptor.digest)).toBe(true);
    });

    it('is given a new token when the first expires in the middle of a pull', async () => {
      await open(GIVEN).writeBlob(large);
      await using proxy = await startFaultProxy(registry.url);
      proxy.fault({ fault: 'slow', of: 'answer', bytesPerSecond: 1_500_000 }, { path: /blobs/, nth: 2 });
      proxy.fault({ fault: 'drop', of: 'answer', afterBytes: 5_000_000 }, { path: /blobs/, nth: 2 });
      issuer.nextLivesFor(2500);
      const repository = impatient(proxy.host);
      const asked = await askedIn(async () => {
        expect(await digestOfStream(repository.readBlob(large.descriptor))).toMatchObject({
          digest: large.descriptor.digest,
        });
      });
      expect(asked.map(({ scopes }) => scopes)).toEqual([[PULL], [PULL]]);
      expect(proxy.requests.map(({ status }) => status)).toEqual([401, 200, 401, 206]);
      expect(proxy.requests.at(-1)?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
    });
  });
}
