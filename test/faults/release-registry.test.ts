import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import type { Target } from '../fakes/faults.ts';
import { available, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';
import {
  copyScene,
  modelTags,
  run,
  runExpecting,
  type Scene,
  sceneBeforeRelease,
} from '../fixtures/release-scene.ts';
import { stepping } from '../fixtures/stepping-process.ts';

const TAGS = ['churn#production#1', 'churn@v1.0.0', 'churn@v1.0.1'];
const BEFORE = ['churn#production#1', 'churn@v1.0.0'];
const originOf = ({ root }: Scene) => join(root, 'origin.git');
const manifest = (tag: string): Target => ({
  method: 'PUT',
  path: new RegExp(`/manifests/${tag.replaceAll('.', String.raw`\.`)}$`),
});

let registry: RunningRegistry;
let base: Scene;
const isHere = available('docker-registry');
beforeAll(async () => {
  if (!isHere) return;
  registry = await startRegistry('docker-registry');
  base = await sceneBeforeRelease({ origin: true, registry });
}, 60_000);
afterAll(async () => await registry?.stop());

/** A copy of the scene that reaches its registry through a proxy. */
async function behindProxy(): Promise<{ scene: Scene; proxy: FaultProxy } & AsyncDisposable> {
  const copy = copyScene(base);
  const proxy = await startFaultProxy(registry.url);
  const through = (name: string) => name.replace(registry.host, proxy.host);
  const scene = {
    ...copy,
    environment: { EDGELOOP_REGISTRY: through(copy.environment.EDGELOOP_REGISTRY) },
    repository: through(copy.repository),
  };
  return { scene, proxy, [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
}

interface Entry {
  digest: string;
  annotations?: Record<string, string>;
}
const REF_NAME = 'org.opencontainers.image.ref.name';

/** What each tag in a scene's folder names. */
function tagged({ root }: Scene): Record<string, string> {
  const folder = join(root, 'registry/churn');
  const { manifests }: { manifests: Entry[] } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
  return Object.fromEntries(manifests.map((one) => [one.annotations?.[REF_NAME] ?? '', one.digest]));
}

/** Gives one more name to what a tag names, by hand; returns the digest. */
function addTag({ root }: Scene, tag: string, of: string): string {
  const file = join(root, 'registry/churn/index.json');
  const index: { manifests: Entry[] } = JSON.parse(readFileSync(file, 'utf8'));
  const entry = index.manifests.find(({ annotations }) => annotations?.[REF_NAME] === of);
  if (entry === undefined) throw new Error(`${file} has no ${of}`);
  index.manifests.push({ ...entry, annotations: { ...entry.annotations, [REF_NAME]: tag } });
  writeFileSync(file, JSON.stringify(index));
  return entry.digest;
}

async function expectFinished(scene: Scene): Promise<void> {
  expect(await run(scene, scene.project, 'release', 'churn')).toMatchObject({
    version: '1.0.1',
    modelManifest: { digest: base.judged },
  });
  for (const place of [scene.project, originOf(scene)]) expect(modelTags(place)).toEqual(TAGS);
  expect(await run(scene, scene.project, 'verify', 'churn')).toEqual({ ok: true, findings: [] });
}

const errorOf = async (scene: Scene, exit: number, ...args: string[]) =>
  (await runExpecting(exit, scene, scene.project, ...args)).error;

describe.skipIf(!isHere)('a registry that refuses', () => {
  it.each(['1.0.1-model', '1.0.1', '1.0', '1'])(
    'the tag %s leaves a release that the next run finishes',
    async (tag) => {
      await using made = await behindProxy();
      const { scene, proxy } = made;
      for (const status of [403, 500]) {
        proxy.fault({ fault: 'answer', status }, { ...manifest(tag), times: Infinity });
        const error = await errorOf(scene, 1, 'release', 'churn');
        expect({ status, ...error }).toMatchObject({
          status,
          code: expect.stringMatching(status === 500 ? /^registry-/ : /^(registry-denied|tag-not-moved)$/),
          message: expect.stringMatching(new RegExp(`${tag}\\b.*answered ${status}`)),
          remedy: expect.stringMatching(/\w/),
        });
        // The version is given: from here on nobody else can take it.
        expect(modelTags(originOf(scene))).toEqual(TAGS);
        proxy.heal();
      }
      await expectFinished(scene);
    },
  );

  it('everything has the tag on origin already, and the next run publishes', async () => {
    await using made = await behindProxy();
    const { scene, proxy } = made;
    for (const method of ['PUT', 'POST', 'PATCH']) {
      proxy.fault({ fault: 'answer', status: 403 }, { method, times: Infinity });
    }
    const { code } = await errorOf(scene, 1, 'release', 'churn');
    expect(code).toBe('registry-denied');
    expect(proxy.requests.some(({ faults }) => faults.includes('answer'))).toBe(true);
    expect(modelTags(originOf(scene))).toEqual(TAGS);
    const { models } = await run(scene, scene.project, 'status');
    expect(models[0].releases[0]).toMatchObject({ version: '1.0.1', digest: base.judged });
    proxy.heal();
    await expectFinished(scene);
  });

  it.each([400, 405, 409])('to move a tag, with %i: says which tags have to move', async (status) => {
    await using made = await behindProxy();
    const { scene, proxy } = made;
    proxy.fault({ fault: 'answer', status }, { ...manifest('1.0'), times: Infinity });
    expect(await errorOf(scene, 1, 'release', 'churn')).toMatchObject({
      code: 'tag-not-moved',
      message: expect.stringMatching(new RegExp(`the tag 1\\.0 .*answered ${status}`)),
      remedy: expect.stringContaining('channel-'),
    });
    proxy.heal();
    proxy.fault({ fault: 'answer', status }, { ...manifest('channel-production'), times: Infinity });
    await expectFinished(scene);
    const rollout = ['rollout', 'churn@1.0.1', '--channel', 'production'];
    expect(await errorOf(scene, 1, ...rollout)).toMatchObject({
      code: 'tag-not-moved',
      message: expect.stringMatching(new RegExp(`the tag channel-production .*answered ${status}`)),
    });
    proxy.heal();
    expect(await run(scene, scene.project, ...rollout)).toMatchObject({ sequence: 2, version: '1.0.1' });
  });

  it('to write a tag that is there is never asked to: nothing is written when a release is complete', async () => {
    await using made = await behindProxy();
    const { scene, proxy } = made;
    await run(scene, scene.project, 'release', 'churn');
    const before = proxy.requests.length;
    for (const tag of ['1.0.1-model', '1.0.1', '1.0', '1']) {
      proxy.fault({ fault: 'answer', status: 409 }, { ...manifest(tag), times: Infinity });
    }
    expect(await run(scene, scene.project, 'release', 'churn')).toMatchObject({ created: false });
    expect(proxy.requests.length).toBeGreaterThan(before);
    expect(proxy.requests.flatMap(({ faults }) => faults)).toEqual([]);
  });
});

describe.skipIf(!isHere)('an origin that refuses the push', () => {
  it('leaves nothing published, and the next run releases the same version', async () => {
    const scene = copyScene(base);
    const hooks = join(originOf(scene), 'hooks');
    mkdirSync(hooks, { recursive: true });
    const hook = join(hooks, 'pre-receive');
    writeFileSync(hook, '#!/bin/sh\necho "tags are protected here" >&2\nexit 1\n', { mode: 0o755 });
    const repository = scene.repository.split('/').slice(1).join('/');
    const found = async (tag: string) => {
      const headers = {
        accept: 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json',
      };
      return (await fetch(`${registry.url}/v2/${repository}/manifests/${tag}`, { headers })).status;
    };
    expect(await errorOf(scene, 1, 'release', 'churn')).toMatchObject({
      code: 'git-push-failed',
      message: expect.stringContaining('tags are protected here'),
    });
    for (const tag of ['1.0.1', '1.0.1-model']) expect(await found(tag)).toBe(404);
    expect(modelTags(scene.project)).toEqual(BEFORE);
    renameSync(hook, `${hook}.off`);
    await expectFinished(scene);
    for (const tag of ['1.0.1', '1.0.1-model']) expect(await found(tag)).toBe(200);
  });
});

describe('a tag in the registry that somebody else wrote', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await sceneBeforeRelease({ origin: true });
  }, 60_000);

  it('is never written over: no version is given that could not have its tags', async () => {
    const copy = copyScene(scene);
    const foreign = addTag(copy, '1.0.1', '1.0.0');
    expect(await errorOf(copy, 1, 'release', 'churn')).toMatchObject({
      code: 'tag-exists',
      message: expect.stringMatching(`the tag 1.0.1 already, for ${foreign}`),
      remedy: expect.stringContaining('--bump'),
    });
    for (const place of [copy.project, originOf(copy)]) expect(modelTags(place)).toEqual(BEFORE);
    expect(await run(copy, copy.project, 'release', 'churn', '--bump', 'minor')).toMatchObject({
      version: '1.1.0',
      modelManifest: { digest: scene.judged },
    });
    expect(tagged(copy)).toMatchObject({ '1.0.1': foreign, '1.1.0-model': scene.judged });
  });

  it('counts as a version that is taken when it is a model', async () => {
    const copy = copyScene(scene);
    const foreign = addTag(copy, '1.0.1-model', '1.0.0-model');
    expect(await run(copy, copy.project, 'release', 'churn')).toMatchObject({ version: '1.0.2' });
    expect(tagged(copy)).toMatchObject({ '1.0.1-model': foreign, '1.0.2-model': scene.judged });
  });

  it('after the version was given is named with both digests', async () => {
    const copy = copyScene(scene);
    const { ended } = await stepping(copy, copy.project, { verb: 'release', killAt: 2 });
    expect(ended).toBe('SIGKILL');
    expect(modelTags(originOf(copy))).toEqual(TAGS);
    const foreign = addTag(copy, '1.0.1-model', '1.0.0-model');
    expect(await errorOf(copy, 1, 'release', 'churn')).toMatchObject({
      code: 'tag-exists',
      message: expect.stringMatching(
        `the tag 1.0.1-model already, for ${foreign}; of churn 1.0.1 it would be ${scene.judged}`,
      ),
      remedy: expect.stringContaining('Delete it there'),
    });
  });
});
