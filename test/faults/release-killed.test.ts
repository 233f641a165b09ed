import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commit, git } from '../fixtures/churn-project.ts';
import { edit } from '../fixtures/expect-error.ts';
import { interrupt, type Moment } from '../fixtures/interrupt.ts';
import { available, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';
import {
  cloneOf,
  copyScene,
  modelTags,
  run,
  runExpecting,
  type Scene,
  sceneBeforeRelease,
} from '../fixtures/release-scene.ts';
import { type Stepping, stepping } from '../fixtures/stepping-process.ts';

interface Variant {
  name: string;
  origin: boolean;
  registry?: 'docker-registry';
  /** Who runs the verb again: the clone in which it was killed, or a new one. */
  finishedBy: 'the same clone' | 'a new clone';
}

const VARIANTS: Variant[] = [
  { name: 'a folder as registry, no origin', origin: false, finishedBy: 'the same clone' },
  { name: 'a folder as registry, an origin', origin: true, finishedBy: 'a new clone' },
  {
    name: 'docker-registry, an origin',
    origin: true,
    registry: 'docker-registry',
    finishedBy: 'the same clone',
  },
];
const missing = ({ registry }: Variant) => registry !== undefined && !available(registry);

const finisher = (scene: Scene, { finishedBy }: Variant) =>
  finishedBy === 'a new clone' ? cloneOf(scene, 'finisher') : scene.project;

/** Both sides of git have the same tags, and nobody finds anything wrong. */
async function expectAgreement(scene: Scene, project: string, tags: string[]): Promise<void> {
  const places = scene.hasOrigin ? [project, join(scene.root, 'origin.git')] : [project];
  expect(places.map((place) => modelTags(place))).toEqual(places.map(() => tags));
  expect(await run(scene, project, 'verify', 'churn')).toEqual({ ok: true, findings: [] });
}

/** What each verb does, and the tags that there are once it has ended. */
const RELEASE = { args: ['release', 'churn'], tags: ['churn#production#1', 'churn@v1.0.0', 'churn@v1.0.1'] };
const ROLLOUT = {
  args: ['rollout', 'churn@1.0.1', '--channel', 'production'],
  tags: ['churn#production#1', 'churn#production#2', 'churn@v1.0.0', 'churn@v1.0.1'],
};

describe.each(VARIANTS)('with $name', (variant) => {
  let registry: RunningRegistry | undefined;
  let scene: Scene;
  beforeAll(async () => {
    if (missing(variant)) return;
    registry = variant.registry === undefined ? undefined : await startRegistry(variant.registry);
    scene = await sceneBeforeRelease({ origin: variant.origin, registry });
  }, 60_000);
  afterAll(async () => await registry?.stop());

  /** Kills the verb where this step begins and runs it again; resolves with what the second run printed. */
  async function finished(base: Scene, what: Stepping, { args, tags }: typeof RELEASE) {
    const copy = copyScene(base);
    const { ended } = await stepping(copy, copy.project, what);
    const project = finisher(copy, variant);
    const printed = await run(copy, project, ...args);
    await expectAgreement(copy, project, tags);
    return { ended, ...printed };
  }

  it.skipIf(missing(variant))(
    'a release that is killed at any step is finished by the next one',
    async () => {
      const undisturbed = copyScene(scene);
      const { steps, ended, stderr } = await stepping(undisturbed, undisturbed.project, { verb: 'release' });
      expect({ ended, stderr, first: steps.slice(0, 2) }).toEqual({
        ended: 0,
        stderr: '',
        first: ['commit', 'tag'],
      });
      const killed = steps.map((_, killAt) => finished(scene, { verb: 'release', killAt }, RELEASE));
      for (const [at, result] of (await Promise.all(killed)).entries()) {
        expect({ step: steps[at], ...result }).toMatchObject({
          step: steps[at],
          ended: 'SIGKILL',
          version: '1.0.1',
          // From the tag on it is released.
          created: at <= steps.indexOf('tag'),
          modelManifest: { digest: scene.judged },
        });
      }
    },
  );

  it.skipIf(missing(variant))(
    'a rollout that is killed at any step is finished by the next one',
    async () => {
      const base = copyScene(scene);
      await run(base, base.project, 'release', 'churn');
      const undisturbed = copyScene(base);
      const what = { verb: 'rollout', version: '1.0.1' } as const;
      const { steps, ended, stderr } = await stepping(undisturbed, undisturbed.project, what);
      expect({ ended, stderr, steps }).toEqual({ ended: 0, stderr: '', steps: ['tag', 'document'] });
      const killed = steps.map((_, killAt) => finished(base, { ...what, killAt }, ROLLOUT));
      for (const [at, result] of (await Promise.all(killed)).entries()) {
        expect({ step: steps[at], ...result }).toMatchObject({
          step: steps[at],
          ended: 'SIGKILL',
          sequence: 2,
          version: '1.0.1',
          digest: scene.judged,
        });
      }
    },
  );
});

describe('a release that is killed', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await sceneBeforeRelease({ origin: true });
  }, 60_000);

  it.each<{ moment: Moment; onOrigin: boolean }>([
    { moment: { git: 'before push' }, onOrigin: false },
    { moment: { git: 'after push' }, onOrigin: true },
    { moment: { git: 'after update-ref' }, onOrigin: true },
  ])('at $moment.git is finished in the same clone', async ({ moment, onOrigin }) => {
    const copy = copyScene(scene);
    const { environment, project, root } = copy;
    await interrupt(project, ['release', 'churn'], moment, 'SIGKILL', environment);
    expect(modelTags(join(root, 'origin.git')).includes('churn@v1.0.1')).toBe(onOrigin);
    expect(await run(copy, project, 'release', 'churn')).toMatchObject({
      version: '1.0.1',
      created: !onOrigin,
      modelManifest: { digest: scene.judged },
    });
    await expectAgreement(copy, project, RELEASE.tags);
  });

  it('and overtaken by the next version is finished later, and takes no tag back', async () => {
    const copy = copyScene(scene);
    const { project } = copy;
    const { ended } = await stepping(copy, project, { verb: 'release', killAt: 2 });
    expect(ended).toBe('SIGKILL');
    const unfinished = git(project, 'rev-parse', 'HEAD');
    edit(project, 'edgeloop.yaml', [/trees: \d+/, 'trees: 60']);
    commit(project, 'fewer trees');
    await run(copy, project, 'retrain', 'churn');
    expect(await run(copy, project, 'release', 'churn')).toMatchObject({ version: '1.1.0', created: true });
    const { findings } = await runExpecting(3, copy, project, 'verify', 'churn');
    expect(findings.map(({ subject }: { subject: string }) => subject)).toEqual(
      expect.arrayContaining(['1.0.1', '1.0.1-model']),
    );
    git(project, 'checkout', '--quiet', unfinished);
    expect(await run(copy, project, 'release', 'churn')).toMatchObject({
      version: '1.0.1',
      created: false,
      modelManifest: { digest: scene.judged },
    });
    await expectAgreement(copy, project, [...RELEASE.tags, 'churn@v1.1.0']);
  });
});
