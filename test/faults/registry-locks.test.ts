import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { acrAvailable, type Acr, startAcr } from '../fakes/acr/stand-in.ts';
import type { Role } from '../fakes/acr/tokens.ts';
import type { Fault } from '../fakes/faults.ts';
import { edgeloopWith, secondPartArrives } from '../fixtures/churn-project.ts';
import { modelTags, newScene, run, runExpecting, type Scene } from '../fixtures/release-scene.ts';
import { stepping } from '../fixtures/stepping-process.ts';

const listedSchema = z.object({
  name: z.string().default(''),
  digest: z.string(),
  changeableAttributes: z.object({
    writeEnabled: z.boolean(),
    deleteEnabled: z.boolean(),
    readEnabled: z.boolean(),
  }),
});
type Listed = z.infer<typeof listedSchema>;

const isLockedTag = ({
  changeableAttributes: { writeEnabled, deleteEnabled, readEnabled },
}: Listed): boolean => !writeEnabled && !deleteEnabled && readEnabled;
/** It has a digest, so nobody can change it; other tags may still name it. */
const isLockedManifest = ({ changeableAttributes: { writeEnabled, deleteEnabled } }: Listed): boolean =>
  writeEnabled && !deleteEnabled;

const codesOf = ({ findings }: { findings: { code: string }[] }): string[] =>
  [...new Set(findings.map(({ code }) => code))].toSorted();

const as = (scene: Scene, environment: Record<string, string>): Scene => ({
  ...scene,
  environment: { ...environment, EDGELOOP_REGISTRY: scene.environment.EDGELOOP_REGISTRY },
});

const WRITER = 'Container Registry Repository Writer';
const PATCH = { method: 'PATCH', path: /^\/acr\/v1\// };

describe.skipIf(!acrAvailable())("the locks of Azure's registry", () => {
  let acr: Acr;
  let base: Scene;
  let scenes = 0;
  beforeAll(async () => {
    acr = await startAcr();
    const environment = { ...(await acr.azLogin(WRITER)), EDGELOOP_REGISTRY: `${acr.host}/models` };
    base = { ...newScene({ origin: false }), environment };
    await run(base, base.project, 'retrain', 'churn');
  }, 60_000);
  afterEach(() => acr.proxy.heal());
  afterAll(async () => await acr.stop());

  /** A copy of the churn example with a judged candidate, in repositories of its own, for an account with this role. */
  async function candidate(role: Role = WRITER): Promise<Scene> {
    const root = mkdtempSync(join(tmpdir(), 'edgeloop-scene-'));
    cpSync(base.root, root, { recursive: true });
    const repository = `models-${++scenes}`;
    const repositories = join(acr.storage, 'docker/registry/v2/repositories');
    cpSync(join(repositories, 'models'), join(repositories, repository), { recursive: true });
    return {
      ...base,
      root,
      project: join(root, basename(base.project)),
      repository: `${acr.host}/${repository}/churn`,
      environment: { ...(await acr.azLogin(role)), EDGELOOP_REGISTRY: `${acr.host}/${repository}` },
    };
  }

  const nameOf = ({ repository }: Scene): string => repository.slice(`${acr.host}/`.length);

  async function bearer(name: string, role: Role, action: string): Promise<Record<string, string>> {
    const { refreshToken } = acr.accounts.add(role);
    const form = { grant_type: 'refresh_token', service: acr.host, refresh_token: refreshToken };
    const body = new URLSearchParams({ ...form, scope: `repository:${name}:${action}` });
    const answer = await fetch(`${acr.proxy.url}/oauth2/token`, { method: 'POST', body });
    return {
      authorization: `Bearer ${z.object({ access_token: z.string() }).parse(await answer.json()).access_token}`,
    };
  }

  /** What the registry itself says, over HTTP and without an SDK: every tag and manifest that may not be changed. */
  async function locked(scene: Scene): Promise<{ tags: string[]; digests: string[] }> {
    const name = nameOf(scene);
    const headers = await bearer(name, 'AcrPull', 'metadata_read');
    const list = async (what: 'tags' | 'manifests'): Promise<Listed[]> => {
      const answer = await fetch(`${acr.proxy.url}/acr/v1/${name}/_${what}`, { headers });
      return z
        .record(z.string(), z.unknown())
        .transform((page) => z.array(listedSchema).parse(page[what]))
        .parse(await answer.json());
    };
    const [tags, manifests] = await Promise.all([list('tags'), list('manifests')]);
    return {
      tags: tags.filter(isLockedTag).map(({ name: tag }) => tag),
      digests: manifests.filter(isLockedManifest).map(({ digest }) => digest),
    };
  }

  it('hold for a version and what it is made of, and for nothing that moves', async () => {
    const scene = await candidate();
    const { project } = scene;
    const released = await run(scene, project, 'release', 'churn');
    await run(scene, project, 'rollout', 'churn@1.0.0', '--channel', 'production');
    const first = await locked(scene);
    expect(first.tags).toEqual(['1.0.0', '1.0.0-model']);
    // The index with its parts for two platforms, and the model.
    expect(first.digests).toHaveLength(4);
    expect(first.digests).toEqual(
      expect.arrayContaining([released.image.digest, released.modelManifest.digest]),
    );
    const before = acr.proxy.requests.length;
    expect(await run(scene, project, 'release', 'churn')).toMatchObject({ created: false });
    expect(acr.proxy.requests.slice(before).filter(({ method }) => method === 'PATCH')).toEqual([]);
    // Verdict and deprecation refer to what is locked; the next version takes its moving tags.
    secondPartArrives(project);
    await run(scene, project, 'retrain', 'churn');
    await run(scene, project, 'release', 'churn');
    await run(scene, project, 'rollout', 'churn@1.0.1', '--channel', 'production');
    await run(scene, project, 'deprecate', 'churn@1.0.0', '--why', 'drifts');
    expect((await locked(scene)).tags).toEqual(['1.0.0', '1.0.0-model', '1.0.1', '1.0.1-model']);
    // The right to pull is enough to find nothing wrong.
    const reader = as(scene, acr.tokenLogin('AcrPull'));
    const asked = acr.proxy.requests.length;
    expect(await run(reader, project, 'verify', 'churn')).toEqual({ ok: true, findings: [] });
    const answered = acr.proxy.requests.slice(asked).filter(({ status }) => status === 200);
    const attributes = answered.map(({ path }) => decodeURIComponent(path.replace(/\?.*/s, '')));
    expect(attributes.filter((path) => path.startsWith('/acr/v1/'))).toEqual([
      `/acr/v1/${nameOf(scene)}/_tags`,
      `/acr/v1/${nameOf(scene)}/_manifests`,
    ]);
  });

  it('keep a released tag where it is, whoever may push', async () => {
    const scene = await candidate('Container Registry Repository Contributor');
    const { project, repository } = scene;
    await run(scene, project, 'release', 'churn');
    await run(scene, project, 'pull', `${repository}:1.0.0`, 'pulled');
    writeFileSync(join(project, 'pulled/other.txt'), 'not what was judged');
    const before = await locked(scene);
    const push = ['push', 'pulled', `${repository}:1.0.0`, '--move-tag'];
    const { error } = await runExpecting(1, scene, project, ...push);
    expect(error).toMatchObject({
      code: 'tag-not-moved',
      message: expect.stringMatching(/tag 1\.0\.0-model .* stays at sha256:.*REGISTRY_DISALLOWED_OPERATION/),
      remedy: expect.stringContaining('A released version is locked'),
    });
    const name = nameOf(scene);
    const headers = await bearer(name, 'Container Registry Repository Contributor', 'delete');
    for (const path of [`acr/v1/${name}/_tags/1.0.0`, `v2/${name}/manifests/${before.digests[0]}`]) {
      const { status } = await fetch(`${acr.proxy.url}/${path}`, { method: 'DELETE', headers });
      expect({ path, status }).toEqual({ path, status: 405 });
    }
    expect(await locked(scene)).toEqual(before);
    expect(await run(scene, project, 'verify', 'churn')).toMatchObject({ findings: [] });
  });

  it('are finished after a kill before or behind them', async () => {
    const scene = await candidate();
    const undisturbed = await candidate();
    const { steps, stderr } = await stepping(undisturbed, undisturbed.project, { verb: 'release' });
    const at = steps.indexOf('locks');
    expect({ stderr, around: steps.slice(at - 1, at + 2) }).toEqual({
      stderr: '',
      around: ['moving tags', 'locks', 'mirrors'],
    });
    const kill = (killAt: number) => stepping(scene, scene.project, { verb: 'release', killAt });
    expect(await kill(at)).toMatchObject({ ended: 'SIGKILL' });
    expect(await locked(scene)).toEqual({ tags: [], digests: [] });
    const missing = await runExpecting(3, scene, scene.project, 'verify', 'churn');
    expect(codesOf(missing)).toEqual(['manifest-unlocked', 'tag-unlocked']);
    // This time without the steps before the tag, which it has.
    expect(await kill(at + 1 - steps.indexOf('model tag'))).toMatchObject({ ended: 'SIGKILL' });
    expect((await locked(scene)).tags).toEqual(['1.0.0', '1.0.0-model']);
    expect(await run(scene, scene.project, 'release', 'churn')).toMatchObject({ created: false });
    expect(await run(scene, scene.project, 'verify', 'churn')).toMatchObject({ findings: [] });
  });

  it('that an account may not set are named with the right that is missing, and set by the next run', async () => {
    const scene = await candidate('AcrPush');
    const { project } = scene;
    const { error } = await runExpecting(1, scene, scene.project, 'release', 'churn');
    expect(error).toMatchObject({
      code: 'version-unlocked',
      message: expect.stringMatching(
        /not locked in .*: 1\.0\.0, 1\.0\.0-model, (sha256:\w{64}(, )?){4}: the account may not lock: /,
      ),
      remedy: expect.stringMatching(
        /metadata\/write.*Container Registry Repository Writer.*edgeloop release churn$/,
      ),
    });
    expect(modelTags(project)).toEqual(['churn@v1.0.0']);
    const writer = as(scene, acr.tokenLogin(WRITER));
    expect(await run(writer, project, 'release', 'churn')).toMatchObject({ created: false });
    expect((await locked(scene)).tags).toEqual(['1.0.0', '1.0.0-model']);
  });

  it.each<{ name: string; fault: Fault }>([
    { name: '403', fault: { fault: 'answer', status: 403 } },
    { name: '500 each time', fault: { fault: 'answer', status: 500 } },
  ])('of which one fails ($name) are told one by one, and finished by the next run', async ({ fault }) => {
    const scene = await candidate();
    acr.proxy.fault(fault, { ...PATCH, nth: 2, times: 3 });
    const { error } = await runExpecting(1, scene, scene.project, 'release', 'churn');
    acr.proxy.heal();
    expect(error).toMatchObject({
      code: 'version-unlocked',
      message: expect.stringMatching(/not locked in .*: 1\.0\.0-model, sha256:/),
      remedy: expect.stringContaining('edgeloop release churn'),
    });
    expect((await locked(scene)).tags).toEqual(['1.0.0']);
    expect(await run(scene, scene.project, 'release', 'churn')).toMatchObject({ created: false });
    expect(await run(scene, scene.project, 'verify', 'churn')).toMatchObject({ findings: [] });
  });

  it.each<{ name: string; fault: Fault }>([
    {
      name: '429 with Retry-After',
      fault: { fault: 'answer', status: 429, headers: { 'retry-after': '1' } },
    },
    { name: '503', fault: { fault: 'answer', status: 503 } },
    { name: 'a cut answer', fault: { fault: 'drop', of: 'answer', afterBytes: 10 } },
  ])('are asked for again after $name', async ({ fault }) => {
    const scene = await candidate();
    acr.proxy.fault(fault, { ...PATCH, nth: 3 });
    const before = acr.proxy.requests.length;
    await run(scene, scene.project, 'release', 'churn');
    const met = acr.proxy.requests.slice(before).flatMap(({ faults }) => faults);
    expect(met).toEqual([fault.fault]);
    expect((await locked(scene)).digests).toHaveLength(4);
  });

  it('that somebody has taken off are found, keep a version from being rolled out, and are set by --repair', async () => {
    const scene = await candidate();
    const { project } = scene;
    const { image } = await run(scene, project, 'release', 'churn');
    const open = { writeEnabled: true, deleteEnabled: true };
    acr.stored.change(nameOf(scene), '1.0.0-model', open);
    acr.stored.change(nameOf(scene), image.digest, { deleteEnabled: true });
    const reader = as(scene, await acr.azLogin('AcrPull'));
    const { findings } = await runExpecting(3, reader, project, 'verify', 'churn');
    const values = { wanted: 'locked', registry: 'not locked' };
    const mend = 'Run: edgeloop verify churn --repair';
    expect(findings).toMatchObject([
      { code: 'tag-unlocked', subject: '1.0.0-model', values, mend },
      { code: 'manifest-unlocked', subject: image.digest, values, mend },
    ]);
    const rollout = ['rollout', 'churn@1.0.0', '--channel', 'production'];
    const { error } = await runExpecting(3, scene, project, ...rollout);
    expect(error).toMatchObject({
      code: 'release-unverified',
      message: expect.stringContaining('[tag-unlocked]'),
    });
    // Without the right to, nothing is mended, and the right is named.
    const unable = await runExpecting(3, reader, project, 'verify', 'churn', '--repair');
    expect(codesOf(unable)).toEqual(['manifest-unlocked', 'registry-lock-refused', 'tag-unlocked']);
    expect(await run(scene, project, 'verify', 'churn', '--repair')).toMatchObject({
      findings: [],
      repaired: [{ subject: '1.0.0-model' }, { subject: image.digest }],
    });
    expect((await locked(scene)).digests).toContain(image.digest);
  });

  it('are set without a secret in anything that is printed or kept', async () => {
    const scene = await candidate();
    const { project, environment } = scene;
    acr.proxy.fault({ fault: 'answer', status: 403, body: 'no' }, { ...PATCH, nth: 2 });
    const loud = { ...environment, AZURE_LOG_LEVEL: 'verbose', NODE_DEBUG: '' };
    const release = ['release', 'churn', '--log-level', 'debug'];
    const first = await edgeloopWith(loud, project, ...release);
    const second = await edgeloopWith(loud, project, ...release);
    expect([first.code, second.code]).toEqual([1, 0]);
    const printed = [first, second].map(({ stdout, stderr }) => stdout + stderr).join('');
    expect(printed).toContain('release churn: locks');
    // Microsoft's SDK has told what it did.
    expect(printed).toContain('azure:');
    const shown = acr.accounts.secrets.filter((secret) => printed.includes(secret));
    expect({ known: acr.accounts.secrets.length > 10, shown }).toEqual({ known: true, shown: [] });
    const grep = spawnSync('grep', ['-rFq', '-f', '-', project], { input: acr.accounts.secrets.join('\n') });
    expect(grep.status).toBe(1);
  });
});
