import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startFaultProxy } from '../fakes/fault-proxy.ts';
import { commit, edgeloopWith, git } from '../fixtures/churn-project.ts';
import { edit } from '../fixtures/expect-error.ts';
import { available, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';
import {
  cloneOf,
  copyScene,
  modelTags,
  run,
  type Scene,
  sceneBeforeRelease,
} from '../fixtures/release-scene.ts';
import { stepping, type Stepping } from '../fixtures/stepping-process.ts';

const ROUNDS = 3;
const rounds = Array.from({ length: ROUNDS }, (_, index) => index);

const WENT_WELL = { ended: 0, stderr: '' };

/** The second clone. */
const other = (scene: Scene) => join(scene.root, 'other');

/** Two processes, in a project each, that go on together from the beginning of one step. */
async function race(scene: Scene, step: string, runners: ({ project: string } & Stepping)[]) {
  const meet = { step, folder: mkdtempSync(join(tmpdir(), 'edgeloop-meet-')), count: runners.length };
  return Promise.all(runners.map(({ project, ...what }) => stepping(scene, project, { ...what, meet })));
}

/** All clones have the tags that origin has, and nobody finds anything wrong. */
async function expectSound(scene: Scene, projects: string[], tags: string[]): Promise<void> {
  expect(modelTags(join(scene.root, 'origin.git'))).toEqual(tags);
  for (const project of projects) {
    git(project, 'fetch', '--quiet', '--tags');
    expect(modelTags(project)).toEqual(tags);
  }
  expect(await run(scene, scene.project, 'verify', 'churn')).toEqual({ ok: true, findings: [] });
}

/** A branch with a candidate of its own: other rows are a patch, another param is a minor version. */
async function otherCandidate(scene: Scene, project: string, change: 'rows' | 'param'): Promise<string> {
  git(project, 'checkout', '--quiet', '-b', change, 'origin/main');
  if (change === 'param') edit(project, 'edgeloop.yaml', [/trees: \d+/, 'trees: 60']);
  else edit(project, 'data/train/churn-2.csv', [/\n[^\n]+\n$/, '\n']);
  commit(project, change);
  git(project, 'push', '--quiet', 'origin', change);
  return (await run(scene, project, 'retrain', 'churn')).candidate.digest;
}

// Debian's docker-registry is not asked: it reads links while it writes them, and answers 400 for what it has.
describe.skipIf(!available('distribution'))('two that race', () => {
  let registry: RunningRegistry;
  let scene: Scene;
  /** The same, where the other clone has a candidate for `1.1.0`. */
  let forTwoVersions: Scene;
  beforeAll(async () => {
    registry = await startRegistry('distribution');
    scene = await sceneBeforeRelease({ origin: true, registry });
    cloneOf(scene, 'other');
    git(other(scene), 'remote', 'set-url', 'origin', '../origin.git');
    forTwoVersions = copyScene(scene);
    await otherCandidate(forTwoVersions, other(forTwoVersions), 'param');
  }, 60_000);
  afterAll(async () => await registry?.stop());

  it('releases of one candidate make one version', async () => {
    for (const round of rounds) {
      const copy = copyScene(scene);
      const projects = [copy.project, other(copy)];
      const both = await race(
        copy,
        'tag',
        projects.map((project) => ({ project, verb: 'release' })),
      );
      expect({ round, both }).toMatchObject({ round, both: [WENT_WELL, WENT_WELL] });
      await expectSound(copy, projects, ['churn#production#1', 'churn@v1.0.0', 'churn@v1.0.1']);
      for (const project of projects) {
        expect(await run(copy, project, 'release', 'churn')).toMatchObject({
          version: '1.0.1',
          created: false,
          modelManifest: { digest: scene.judged },
        });
      }
    }
  });

  it('releases of two candidates for one version: one takes it, the other is told', async () => {
    const base = copyScene(scene);
    const otherDigest = await otherCandidate(base, other(base), 'rows');
    for (const round of rounds) {
      const copy = copyScene(base);
      const projects = [copy.project, other(copy)];
      const both = await race(
        copy,
        'tag',
        projects.map((project) => ({ project, verb: 'release' })),
      );
      expect({ round, ended: both.map(({ ended }) => ended).toSorted() }).toEqual({ round, ended: [0, 1] });
      const loser = both.findIndex(({ ended }) => ended === 1);
      expect(both[loser]?.stderr).toMatch(
        /^error\[version-taken\]: another release has just taken churn@v1\.0\.1\n {2}Run it again.*edgeloop release churn\n$/,
      );
      const judged = [scene.judged, otherDigest];
      const [won] = (await run(copy, projects[loser] ?? '', 'status')).models[0].releases;
      expect(won).toMatchObject({ version: '1.0.1', digest: judged[1 - loser] });
      expect(await run(copy, projects[loser] ?? '', 'release', 'churn')).toMatchObject({
        version: '1.0.2',
        modelManifest: { digest: judged[loser] },
      });
      const tags = ['churn#production#1', 'churn@v1.0.0', 'churn@v1.0.1', 'churn@v1.0.2'];
      await expectSound(copy, projects, tags);
    }
  });

  // Each writes the tags X.Y and X, and neither knew of the other one's version when it began.
  it('releases of two versions leave the moving tags with the higher one', async () => {
    for (const step of ['tag', 'image', 'moving tags']) {
      const copy = copyScene(forTwoVersions);
      const projects = [copy.project, other(copy)];
      const both = await race(
        copy,
        step,
        projects.map((project) => ({ project, verb: 'release' })),
      );
      expect({ step, both }).toMatchObject({ step, both: [WENT_WELL, WENT_WELL] });
      const tags = ['churn#production#1', 'churn@v1.0.0', 'churn@v1.0.1', 'churn@v1.1.0'];
      await expectSound(copy, projects, tags);
    }
  });

  it('a release that is overtaken while it writes a moving tag leaves that with the higher version', async () => {
    const copy = copyScene(forTwoVersions);
    await using proxy = await startFaultProxy(registry.url);
    const moving = { method: 'PUT', path: /\/manifests\/1$/ };
    // Some seconds, in which the other one begins and ends.
    proxy.fault({ fault: 'slow', of: 'request', bytesPerSecond: 150 }, moving);
    const through = copy.environment.EDGELOOP_REGISTRY.replace(registry.host, proxy.host);
    const slow = edgeloopWith({ EDGELOOP_REGISTRY: through }, copy.project, 'release', 'churn');
    const seen = () => proxy.requests.filter(({ faults }) => faults.includes('slow'));
    await vi.waitFor(() => expect(seen()).toHaveLength(1), { timeout: 30_000 });
    const quick = await run(copy, other(copy), 'release', 'churn');
    expect(quick).toMatchObject({ version: '1.1.0', created: true });
    expect(await slow).toMatchObject({ code: 0, stdout: expect.stringContaining('released churn 1.0.1') });
    const tags = ['churn#production#1', 'churn@v1.0.0', 'churn@v1.0.1', 'churn@v1.1.0'];
    await expectSound(copy, [copy.project, other(copy)], tags);
  });

  it('rollouts of two versions: one moves the channel, the other is refused', async () => {
    const base = copyScene(forTwoVersions);
    await run(base, base.project, 'release', 'churn');
    await run(base, other(base), 'release', 'churn');
    const versions = ['1.0.1', '1.1.0'];
    for (const round of rounds) {
      const copy = copyScene(base);
      const projects = [copy.project, other(copy)];
      git(copy.project, 'fetch', '--quiet', '--tags');
      const both = await race(
        copy,
        'tag',
        projects.map((project, at) => ({ project, verb: 'rollout', version: versions[at] ?? '' })),
      );
      expect({ round, ended: both.map(({ ended }) => ended).toSorted() }).toEqual({ round, ended: [0, 3] });
      const loser = both.findIndex(({ ended }) => ended === 3);
      expect(both[loser]?.stderr).toMatch(/^error\[channel-moved\]: .*churn#production#2.*\n {2}/);
      const { channels } = await run(copy, projects[loser] ?? '', 'status');
      expect(channels).toMatchObject([{ sequence: 2, version: versions[1 - loser] }]);
      const tags = ['churn#production#1', 'churn#production#2'];
      await expectSound(copy, projects, [...tags, 'churn@v1.0.0', 'churn@v1.0.1', 'churn@v1.1.0']);
      const again = `churn@${versions[loser]}`;
      expect(
        await run(copy, projects[loser] ?? '', 'rollout', again, '--channel', 'production'),
      ).toMatchObject({ sequence: 3, version: versions[loser] });
    }
  });

  it('a rollout that stood still while others went on does not take the channel back', async () => {
    const copy = copyScene(scene);
    const { project } = copy;
    await run(copy, project, 'release', 'churn');
    const production = ['--channel', 'production'];
    const meet = { step: 'document', folder: mkdtempSync(join(tmpdir(), 'edgeloop-meet-')), count: 2 };
    const still = stepping(copy, project, { verb: 'rollout', version: '1.0.1', meet });
    await vi.waitFor(() => expect(readdirSync(meet.folder)).toHaveLength(1), { timeout: 30_000 });
    // Somebody takes it for one that was cut, finishes it, and goes back.
    const finished = await run(copy, other(copy), 'rollout', 'churn@1.0.1', ...production);
    expect(finished).toMatchObject({ sequence: 2, version: '1.0.1' });
    await run(copy, other(copy), 'rollback', 'churn', ...production);
    writeFileSync(join(meet.folder, 'go on'), '');
    expect((await still).steps).toEqual(['tag', 'document']);
    const { channels } = await run(copy, project, 'status');
    expect(channels).toMatchObject([{ sequence: 3, version: '1.0.0' }]);
  });
});
