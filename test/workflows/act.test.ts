import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gitHubAvailable } from '../fakes/github/stand-in.ts';
import { actAvailable } from '../fixtures/act.ts';
import { edgeloopWith, git } from '../fixtures/churn-project.ts';
import { available } from '../fixtures/registries.ts';
import {
  badDataArrive,
  dataArrive,
  openWorkflowScene,
  scriptChanges,
  type WorkflowScene,
} from '../fixtures/workflow-scene.ts';

const dispatch = {
  action: 'edgeloop-data-changed',
  client_payload: { models: ['churn'], source: 'site 42' },
};
const runCompleted = { action: 'edgeloop-run-completed', client_payload: { job: 'edgeloop-churn-1' } };
const click = { inputs: {} };
const canRun = actAvailable() && gitHubAvailable() && available('docker-registry');

// One repository's story, told by the workflows that init wrote; each part goes on from the one before.
describe.skipIf(!canRun)('what init writes, run by act', () => {
  let scene: WorkflowScene;
  beforeAll(async () => {
    scene = await openWorkflowScene();
  }, 120_000);
  afterAll(() => scene[Symbol.asyncDispose]());

  async function run(workflow: string, branch: string, event: string, payload: object, code = 0) {
    const ran = await scene.run(workflow, branch, event, payload);
    expect({ code: ran.code, log: ran.code === code ? '' : ran.log }).toEqual({ code, log: '' });
    return ran.log;
  }
  const tags = () => git(scene.github.folder, 'tag').split('\n').filter(Boolean);
  async function named() {
    const clone = await scene.github.clone();
    const { stdout } = await edgeloopWith({ EDGELOOP_REGISTRY: scene.registry }, clone, 'status', '--json');
    return JSON.parse(stdout).channels;
  }

  it('workflow_dispatch: trains, releases and rolls out the first version', async () => {
    const log = await run('release.yml', 'main', 'workflow_dispatch', click);
    expect(log).toContain('20 trees: log loss');
    expect(tags()).toEqual(['churn#production#1', 'churn@v1.0.0']);
    expect(await named()).toMatchObject([{ channel: 'production', version: '1.0.0', sequence: 1 }]);
    expect(scene.github.deployments).toMatchObject([{ ref: 'churn@v1.0.0' }]);
  });

  it('pull_request with new data: trains, comments, checks, releases nothing', async () => {
    const { event, payload } = await scene.propose('more-data', () => dataArrive(scene.work));
    const log = await run('retrain.yml', 'more-data', event, payload);
    expect(log).toContain('20 trees: log loss');
    const comments = scene.github.comments.all.map(({ body }) => body);
    expect(comments).toEqual([expect.stringContaining('1.0.1')]);
    expect(scene.github.checkRuns.at(-1)).toMatchObject({
      name: 'edgeloop / churn',
      conclusion: 'success',
      headSha: git(scene.work, 'rev-parse', 'HEAD'),
    });
    expect(tags()).toHaveLength(2);
    // The same pull request again: nothing is trained, and the comment is the same one.
    expect(await run('retrain.yml', 'more-data', event, payload)).not.toContain('trees: log loss');
    expect(scene.github.comments.all).toHaveLength(1);
  });

  it('repository_dispatch after the merge: releases what the pull request trained as a patch', async () => {
    scene.merge('more-data');
    const log = await run('release.yml', 'main', 'repository_dispatch', dispatch);
    expect(log).not.toContain('trees: log loss');
    expect(tags()).toContain('churn@v1.0.1');
    expect(await named()).toMatchObject([{ version: '1.0.1', sequence: 2 }]);
    // The event comes twice, another one says the same, and the schedule looks too: they only say "look".
    const before = tags();
    await run('release.yml', 'main', 'repository_dispatch', dispatch);
    await run('release.yml', 'main', 'repository_dispatch', runCompleted);
    await run('release.yml', 'main', 'schedule', { schedule: '17 4 * * *' });
    expect(tags()).toEqual(before);
  });

  it('pull_request with a changed script: releases a minor version after the merge', async () => {
    const { event, payload } = await scene.propose('another-script', () => scriptChanges(scene.work));
    await run('retrain.yml', 'another-script', event, payload);
    scene.merge('another-script');
    await run('release.yml', 'main', 'push', {});
    expect(tags()).toContain('churn@v1.1.0');
    expect(await named()).toMatchObject([{ version: '1.1.0', sequence: 3 }]);
  });

  it('pull_request with a bad change: the run is red, and the reasons stand in comment and check', async () => {
    const { event, payload } = await scene.propose('bad-data', () => badDataArrive(scene.work));
    const log = await run('retrain.yml', 'bad-data', event, payload, 1);
    expect(log).toContain('gate-refused');
    expect(scene.github.comments.all.at(-1)?.body).toContain('refused');
    expect(scene.github.checkRuns.at(-1)).toMatchObject({ conclusion: 'failure' });
    // Merged all the same, it is not released, and the channel stays where it is.
    scene.merge('bad-data');
    const before = tags();
    await run('release.yml', 'main', 'push', {}, 1);
    expect(tags()).toEqual(before);
    expect(await named()).toMatchObject([{ version: '1.1.0', sequence: 3 }]);
  });
});
