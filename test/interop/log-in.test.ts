import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { digestOf, logIn, openRegistry } from '../../src/oci/index.ts';
import { pushBaseManifest } from '../fixtures/base-image.ts';
import { churnProject, edgeloopAsync } from '../fixtures/churn-project.ts';
import { json } from '../fixtures/json-answer.ts';
import { available, REGISTRY_LOGIN, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';

function blob(text: string) {
  const bytes = Buffer.from(text);
  const descriptor = { mediaType: 'text/plain', digest: digestOf(bytes), size: bytes.length };
  return {
    descriptor,
    open: async function* () {
      yield bytes;
    },
  };
}

// Real registries that ask for a user name and a password.
describe.each(['docker-registry', 'distribution'] as const)('logging in to %s', (kind) => {
  const home = mkdtempSync(join(tmpdir(), 'edgeloop-home-'));
  let registry: RunningRegistry | undefined;
  beforeAll(async () => {
    if (available(kind)) registry = await startRegistry(kind, { auth: 'basic' });
  });
  afterAll(async () => {
    await registry?.stop();
    rmSync(home, { recursive: true });
  });

  const open = (environment: Record<string, string>) => {
    const authorize = logIn({ environment: { HOME: home, ...environment } });
    return openRegistry(`${registry?.host}/models`, { authorize }).repository('churn');
  };
  const { username, password } = REGISTRY_LOGIN;
  const given = { EDGELOOP_REGISTRY_USERNAME: username, EDGELOOP_REGISTRY_PASSWORD: password };
  it.skipIf(!available(kind))('takes the environment’s, for many requests at once', async () => {
    const repository = open(given);
    const sources = Array.from({ length: 8 }, (_, index) => blob(`content ${index}`));
    await Promise.all(sources.map((source) => repository.writeBlob(source)));
    const found = await Promise.all(sources.map(({ descriptor }) => repository.hasBlob(descriptor.digest)));
    expect(found).toEqual(sources.map(() => true));
  });

  it.skipIf(!available(kind))('takes what docker login left', async () => {
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    const folder = mkdtempSync(join(tmpdir(), 'edgeloop-docker-'));
    writeFileSync(
      join(folder, 'config.json'),
      JSON.stringify({ auths: { [registry?.host ?? '']: { auth } } }),
    );
    expect(await open({ DOCKER_CONFIG: folder }).tags()).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it.skipIf(!available(kind))(
    'reads a base image with it, when the model’s own registry is another',
    async () => {
      const bases = `${registry?.host}/bases`;
      const authorize = logIn({ environment: given });
      const config = { architecture: 'amd64' };
      const base = openRegistry(bases, { authorize }).repository('small');
      await pushBaseManifest(base, [Buffer.from('a layer')], config, { tag: '1' });
      const project = churnProject();
      json(project, 0, 'retrain', 'churn');
      const release = ['release', 'churn', '--base-image', `${bases}/small:1`];
      expect(await edgeloopAsync(project, ...release)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('error[registry-unauthorized]'),
      });
      vi.stubEnv('EDGELOOP_REGISTRY_USERNAME', username).stubEnv('EDGELOOP_REGISTRY_PASSWORD', password);
      const { code, stderr } = await edgeloopAsync(project, ...release);
      vi.unstubAllEnvs();
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(json(project, 0, 'verify', 'churn')).toEqual({ ok: true, findings: [] });
    },
  );

  it.skipIf(!available(kind))('says who was refused and what to do, and no password', async () => {
    await expect(open({}).tags()).rejects.toMatchObject({
      code: 'registry-unauthorized',
      message: expect.stringContaining('an anonymous request'),
      remedy: expect.stringContaining('docker login'),
    });
    const wrong = open({ ...given, EDGELOOP_REGISTRY_PASSWORD: 'wr0ng-one' }).tags();
    await expect(wrong).rejects.toMatchObject({
      code: 'registry-unauthorized',
      message: expect.stringMatching(/the user name "edgeloop"(?!.*wr0ng-one)/),
    });
  });
});
