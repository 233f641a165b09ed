import { expect, it } from 'vitest';
import { commit, git, secondPartArrives } from '../fixtures/churn-project.ts';
import { edit } from '../fixtures/expect-error.ts';
import { modelTags, newScene, run, runExpecting } from '../fixtures/release-scene.ts';

// A verdict is against one champion: a model that was good enough yesterday need not be today.
it('a release whose champion has moved since the verdict is gated again, against the one of today', async () => {
  const scene = newScene({ origin: false });
  const { project } = scene;
  const verb = (...args: string[]) => run(scene, project, ...args);
  const production = ['--channel', 'production'];
  edit(project, 'edgeloop.yaml', [/trees: \d+/, 'trees: 10'], [', latency: 1.5x', '']);
  commit(project, 'few trees');
  await verb('retrain', 'churn');
  const first = await verb('release', 'churn');
  await verb('rollout', 'churn@1.0.0', ...production);
  secondPartArrives(project);
  const { candidate, verdict } = await verb('retrain', 'churn');
  expect(verdict.outcome).toBe('pass');
  const judged = git(project, 'rev-parse', 'HEAD');

  edit(project, 'edgeloop.yaml', ['trees: 10', 'trees: 120']);
  commit(project, 'many trees');
  await verb('retrain', 'churn');
  await verb('release', 'churn');
  await verb('rollout', 'churn@1.1.0', ...production);

  git(project, 'checkout', '--quiet', judged);
  const { error } = await runExpecting(3, scene, project, 'release', 'churn');
  expect(error).toMatchObject({
    code: 'gate-refused',
    message: expect.stringMatching(`refused ${candidate.digest}:[^]*log_loss`),
  });
  expect(modelTags(project, 'churn@*')).toEqual(['churn@v1.0.0', 'churn@v1.1.0']);

  await verb('rollback', 'churn', ...production);
  expect(await verb('release', 'churn')).toMatchObject({
    version: '1.2.0',
    modelManifest: { digest: candidate.digest },
  });
  const lock = JSON.parse(git(project, 'show', 'churn@v1.2.0:models/churn/model.lock.json'));
  expect(lock.champion).toBe(first.modelManifest.digest);
  expect(await verb('verify', 'churn')).toEqual({ ok: true, findings: [] });
});
