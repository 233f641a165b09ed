import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { commit, edgeloopWith, git } from '../fixtures/churn-project.ts';
import { edit } from '../fixtures/expect-error.ts';
import {
  cloneOf,
  copyScene,
  modelTags,
  run,
  runExpecting,
  type Scene,
  sceneBeforeRelease,
} from '../fixtures/release-scene.ts';

const TAGS = ['churn#production#1', 'churn@v1.0.0', 'churn@v1.0.1'];
const LOCK = 'models/churn/model.lock.json';
const originOf = ({ root }: Scene) => join(root, 'origin.git');

let base: Scene;
beforeAll(async () => {
  base = await sceneBeforeRelease({ origin: true });
}, 60_000);

/** What the lock file on a version's commit says, and the commit that the version was made on. */
function recorded(project: string, tag: string): { trained: string; parent: string } {
  const { trainedCommit } = JSON.parse(git(project, 'show', `${tag}:${LOCK}`));
  return { trained: trainedCommit, parent: git(project, 'rev-parse', `${tag}^{commit}^`) };
}

/** A clone that has everything finds nothing wrong with what another one has released. */
async function expectSound(scene: Scene, tags = TAGS): Promise<void> {
  expect(modelTags(originOf(scene))).toEqual(tags);
  expect(await run(scene, cloneOf(scene, 'auditor'), 'verify', 'churn')).toEqual({ ok: true, findings: [] });
}

describe('release from a clone that lacks', () => {
  it.each([
    ['the history', ['--depth=1']],
    ['the tags', ['--no-tags']],
    ['both', ['--depth=1', '--no-tags']],
  ])('%s follows the versions on origin', async (_, options) => {
    const scene = copyScene(base);
    const clone = cloneOf(scene, 'clone', ...options);
    expect(modelTags(clone)).not.toContain('churn@v1.0.0');
    expect(await run(scene, clone, 'release', 'churn')).toMatchObject({
      version: '1.0.1',
      created: true,
      modelManifest: { digest: base.judged },
    });
    await expectSound(scene);
    expect(await run(scene, clone, 'rollout', 'churn@1.0.1', '--channel', 'production')).toMatchObject({
      sequence: 2,
      version: '1.0.1',
    });
  });
});

describe('release on a commit that is not the one that was trained', () => {
  it('after a force-push that has removed that one, records both', async () => {
    const scene = copyScene(base);
    const trained = git(scene.project, 'rev-parse', 'HEAD');
    git(scene.project, 'commit', '--quiet', '--amend', '--message', 'said better');
    git(scene.project, 'push', '--quiet', '--force', 'origin', 'main');
    const clone = cloneOf(scene, 'clone');
    expect(git(clone, 'rev-list', '--all').split('\n')).not.toContain(trained);
    expect(await run(scene, clone, 'release', 'churn')).toMatchObject({
      version: '1.0.1',
      modelManifest: { digest: base.judged },
    });
    const parent = git(clone, 'rev-parse', 'origin/main');
    expect(parent).not.toBe(trained);
    expect(recorded(clone, 'churn@v1.0.1')).toEqual({ trained, parent });
    await expectSound(scene);
  });

  it('after a squash merge, records both', async () => {
    const scene = copyScene(base);
    git(scene.project, 'checkout', '--quiet', '-b', 'fewer-trees');
    for (const trees of [90, 60]) {
      edit(scene.project, 'edgeloop.yaml', [/trees: \d+/, `trees: ${trees}`]);
      commit(scene.project, `${trees} trees`);
    }
    const trained = git(scene.project, 'rev-parse', 'HEAD');
    const { candidate } = await run(scene, scene.project, 'retrain', 'churn');
    git(scene.project, 'checkout', '--quiet', 'main');
    git(scene.project, 'merge', '--quiet', '--squash', 'fewer-trees');
    git(scene.project, 'commit', '--quiet', '--message', 'fewer trees (#1)');
    git(scene.project, 'push', '--quiet', 'origin', 'main');
    const clone = cloneOf(scene, 'clone');
    expect(git(clone, 'rev-list', '--all').split('\n')).not.toContain(trained);
    expect(await run(scene, clone, 'release', 'churn')).toMatchObject({
      version: '1.1.0',
      modelManifest: { digest: candidate.digest },
    });
    const parent = git(clone, 'rev-parse', 'origin/main');
    expect(recorded(clone, 'churn@v1.1.0')).toEqual({ trained, parent });
    await expectSound(scene, ['churn#production#1', 'churn@v1.0.0', 'churn@v1.1.0']);
  });

  it('of a detached HEAD leaves HEAD, index and files as they are', async () => {
    const scene = copyScene(base);
    git(scene.project, 'checkout', '--quiet', '--detach');
    const head = git(scene.project, 'rev-parse', 'HEAD');
    expect(await run(scene, scene.project, 'release', 'churn')).toMatchObject({ version: '1.0.1' });
    expect(git(scene.project, 'rev-parse', '--abbrev-ref', 'HEAD')).toBe('HEAD');
    expect(git(scene.project, 'rev-parse', 'HEAD')).toBe(head);
    expect(git(scene.project, 'status', '--porcelain')).toBe('');
    expect(existsSync(join(scene.project, LOCK))).toBe(false);
    expect(recorded(scene.project, 'churn@v1.0.1').parent).toBe(head);
    await expectSound(scene);
  });
});

describe('a clock that runs backwards', () => {
  // The process believes that it is a quarter of a century earlier.
  const source = `const Now = Date, back = 788e9;
    globalThis.Date = class extends Now {
      constructor(...given) { super(...(given.length === 0 ? [Now.now() - back] : given)); }
      static now() { return Now.now() - back; }
    };`;
  const early = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` };

  it('changes no order: versions are ordered by number, moves by sequence', async () => {
    const scene = copyScene(base);
    const earlier: Scene = { ...scene, environment: { ...scene.environment, ...early } };
    expect(await run(earlier, scene.project, 'release', 'churn')).toMatchObject({ version: '1.0.1' });
    const rollout = ['churn', '--channel', 'production'];
    const production = ['--channel', 'production'];
    expect(await run(earlier, scene.project, 'rollout', 'churn@1.0.1', ...production)).toMatchObject({
      sequence: 2,
      version: '1.0.1',
    });
    const { models, channels } = await run(scene, scene.project, 'status');
    const [newer, older] = models[0].releases;
    expect([newer.version, older.version]).toEqual(['1.0.1', '1.0.0']);
    expect(Date.parse(newer.date)).toBeLessThan(Date.parse(older.date));
    expect(models[0].champion.version).toBe('1.0.1');
    expect(channels).toMatchObject([{ sequence: 2, version: '1.0.1' }]);
    await expectSound(scene, ['churn#production#1', 'churn#production#2', 'churn@v1.0.0', 'churn@v1.0.1']);
    expect(await run(scene, scene.project, 'rollback', ...rollout)).toMatchObject({
      sequence: 3,
      version: '1.0.0',
    });
  });
});

describe('a tag with the name of a version that is no release', () => {
  const annotated = ['-a', '-m', 'by hand'];
  it.each([
    { kind: 'a lightweight one here', flags: [], pushed: false, told: ['tag-not-pushed'] },
    { kind: 'a lightweight one on origin', flags: [], pushed: true, told: [] },
    {
      kind: 'one without a lock file here',
      flags: annotated,
      pushed: false,
      told: ['lock-missing', 'tag-not-pushed'],
    },
    { kind: 'one without a lock file on origin', flags: annotated, pushed: true, told: ['lock-missing'] },
  ])(
    '$kind is not taken for one, and stops the release that needs the name',
    async ({ flags, pushed, told }) => {
      const scene = copyScene(base);
      const { project } = scene;
      git(project, 'tag', ...flags, 'churn@v1.0.1');
      if (pushed) git(project, 'push', '--quiet', 'origin', 'churn@v1.0.1');
      const versions = async () =>
        (await run(scene, project, 'status')).models[0].releases.map(
          (one: { version: string }) => one.version,
        );
      expect(await versions()).toEqual(['1.0.0']);
      const { error } = await runExpecting(1, scene, project, 'release', 'churn');
      expect(error).toMatchObject({
        code: 'tag-not-a-release',
        message: expect.stringContaining('churn@v1.0.1'),
        remedy: expect.stringContaining('git tag -d churn@v1.0.1'),
      });
      // Neither side has got anything of it.
      expect(git(originOf(scene), 'tag', '--list', 'churn@v1.0.1')).toBe(pushed ? 'churn@v1.0.1' : '');
      const { findings } = await runExpecting(told.length === 0 ? 0 : 3, scene, project, 'verify', 'churn');
      expect(findings.map(({ code }: { code: string }) => code).toSorted()).toEqual(told);

      // What the remedy says.
      git(project, 'tag', '-d', 'churn@v1.0.1');
      if (pushed) git(project, 'push', '--quiet', 'origin', ':refs/tags/churn@v1.0.1');
      expect(await run(scene, project, 'release', 'churn')).toMatchObject({
        version: '1.0.1',
        created: true,
      });
      expect(await versions()).toEqual(['1.0.1', '1.0.0']);
      await expectSound(scene);
    },
  );

  it('does not raise the next version', async () => {
    const scene = copyScene(base);
    git(scene.project, 'tag', 'churn@v7.0.0');
    git(scene.project, 'tag', '-a', '-m', 'by hand', 'churn@v8.0.0');
    const args = ['release', 'churn', '--json'];
    const { code, stdout, stderr } = await edgeloopWith(scene.environment, scene.project, ...args);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/churn@v8\.0\.0 is passed over: .*models\/churn\/model\.lock\.json/),
    });
    expect(JSON.parse(stdout)).toMatchObject({ version: '1.0.1', created: true });
  });
});
