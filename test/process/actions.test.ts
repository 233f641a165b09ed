import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  churn,
  copyOf,
  errorsOf,
  expectDone,
  forkedPullRequest,
  ownPullRequest,
  releasedByActions,
} from '../fixtures/action-project.ts';
import { ACTIONS, readAction, runStep } from '../fixtures/action-runner.ts';
import { churnProject, commit, git, secondPartArrives } from '../fixtures/churn-project.ts';
import { edit, registryTags, trainWith } from '../fixtures/expect-error.ts';

// Trained, released and rolled out; the tests copy it.
let released: string;
beforeAll(async () => {
  released = await releasedByActions();
}, 120_000);
const project = () => copyOf(released);

/** The line of edgeloop.yaml that has these words. */
function lineOf(cwd: string, words: string): number {
  const lines = readFileSync(join(cwd, 'edgeloop.yaml'), 'utf8').split('\n');
  return lines.findIndex((line) => line.includes(words)) + 1;
}

describe('the outputs that are written are those that action.yml declares:', () => {
  const cases: Record<(typeof ACTIONS)[number], Record<string, string>> = {
    plan: {},
    retrain: churn,
    release: churn,
    rollout: { release: 'churn' },
    verify: {},
  };
  it.each(ACTIONS)('%s', async (name) => {
    const step = expectDone(await runStep(name, { cwd: project(), with: cases[name] }));
    expect(Object.keys(step.outputs).toSorted()).toEqual(Object.keys(readAction(name).outputs).toSorted());
  });

  it('retrain, when it may not train', async () => {
    const step = expectDone(
      await runStep('retrain', { cwd: project(), with: churn, event: forkedPullRequest() }),
    );
    expect(Object.keys(step.outputs).toSorted()).toEqual(
      Object.keys(readAction('retrain').outputs).toSorted(),
    );
    expect(step.outputs).toMatchObject({ outcome: 'skipped', digest: '' });
  });
});

describe('plan', () => {
  it('has nothing in its matrix when nothing changed, and a model whose data changed', async () => {
    const cwd = project();
    const before = expectDone(await runStep('plan', { cwd }));
    expect(before.outputs).toMatchObject({ matrix: '{"include":[]}', any: 'false' });
    secondPartArrives(cwd);
    const after = expectDone(await runStep('plan', { cwd }));
    expect(after.outputs['any']).toBe('true');
    const { include } = JSON.parse(after.outputs['matrix'] ?? '');
    expect(include).toEqual([
      { model: 'churn', decision: 'train', 'input-key': expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
    expect(JSON.parse(after.outputs['plan'] ?? '').models[0]).toMatchObject({
      model: 'churn',
      decision: 'train',
      inputKey: include[0]['input-key'],
    });
    expect(after.summary).toContain('| churn | train | ');
    // The same event twice, or late: the plan decides.
    expect((await runStep('plan', { cwd })).outputs).toEqual(after.outputs);
  });

  it('looks at the models that a data event names, and at all when its payload is of another shape', async () => {
    const cwd = project();
    const models = 'models:\n  churn:';
    const { churn: same } = { churn: readFileSync(join(cwd, 'edgeloop.yaml'), 'utf8') };
    const block = /^ {2}churn:\n(?: {4}.*\n|\n)+/m.exec(same)?.[0] ?? '';
    edit(cwd, 'edgeloop.yaml', [models, `models:\n${block.replace('churn:', 'other:')}  churn:`]);
    secondPartArrives(cwd);
    const planned = async (client_payload: unknown) => {
      const event = { name: 'repository_dispatch', payload: { client_payload } };
      const step = expectDone(await runStep('plan', { cwd, event }));
      const { include } = JSON.parse(step.outputs['matrix'] ?? '');
      return {
        models: include.map(({ model }: { model: string }) => model),
        warnings: step.commands.filter(({ command }) => command === 'warning').map(({ message }) => message),
      };
    };
    expect(await planned({ models: ['churn'], source: '::error::site\n::error::42' })).toEqual({
      models: ['churn'],
      warnings: [],
    });
    expect(await planned({})).toEqual({ models: ['other', 'churn'], warnings: [] });
    expect(await planned({ models: ['churn', 'no-such'] })).toEqual({
      models: ['churn'],
      warnings: [expect.stringContaining('no-such')],
    });
    expect(await planned({ models: 'churn' })).toEqual({
      models: ['other', 'churn'],
      warnings: [expect.stringContaining('models')],
    });
    const asked = await runStep('plan', { cwd, with: { models: 'churn,\n other' } });
    expect(JSON.parse(asked.outputs['matrix'] ?? '').include).toHaveLength(2);
  });
});

describe('plan after a first release that was never rolled out', () => {
  it('has the model in its matrix until it is', async () => {
    const cwd = churnProject();
    expectDone(await runStep('retrain', { cwd, with: churn }));
    expectDone(await runStep('release', { cwd, with: churn }));
    const planned = expectDone(await runStep('plan', { cwd }));
    expect(JSON.parse(planned.outputs['matrix'] ?? '').include).toMatchObject([{ decision: 'unchanged' }]);
    expect((await runStep('plan', { cwd, event: ownPullRequest() })).outputs['any']).toBe('false');
    expectDone(await runStep('rollout', { cwd, with: { release: 'churn' } }));
    expect((await runStep('plan', { cwd })).outputs['any']).toBe('false');
  });
});

describe('retrain', () => {
  it('shows the lines of a training in a group, in which none is a command', async () => {
    const cwd = project();
    const says = [
      '::set-output name=x::y',
      '::add-mask::churn',
      '##[error]no',
      '::error::no',
      '::endgroup::',
      'std::vector',
    ];
    const script = says.map((line) => `console.log(${JSON.stringify(line)});`).join('\n');
    const train = readFileSync(join(cwd, 'training/train.ts'), 'utf8');
    writeFileSync(join(cwd, 'training/train.ts'), `${train}\n${script}\n`);
    commit(cwd, 'talkative');
    const step = expectDone(await runStep('retrain', { cwd, with: churn }));
    expect(step.shown.replaceAll('\u200B', '').split('\n')).toEqual(expect.arrayContaining(says));
    // The check cannot be written: there is no GitHub here.
    expect(step.commands.map(({ command }) => command)).toEqual(['group', 'endgroup', 'warning']);
    expect(step.commands[0]?.message).toBe('training churn');
    expect(step.outputs['outcome']).toBe('pass');
  });

  it('fails with what the gate refused, in the summary, the outputs and an annotation', async () => {
    const cwd = project();
    edit(cwd, 'edgeloop.yaml', ['min: 0.85', 'min: 0.99']);
    edit(cwd, 'edgeloop.yaml', ['trees: 120', 'trees: 121']);
    commit(cwd, 'too much');
    const step = await runStep('retrain', { cwd, with: churn });
    expect(step.code).toBe(3);
    expect(step.outputs).toMatchObject({ outcome: 'fail', 'next-version': '' });
    expect(step.summary).toContain('0.99');
    expect(errorsOf(step)).toEqual([
      { title: 'Edgeloop%3A gate-refused', message: expect.stringContaining('0.99') },
    ]);
  });

  it('annotates a training that fails at the line of its script, and a wrong file at each wrong line', async () => {
    const cwd = project();
    const script = join(cwd, 'training/train.ts');
    const lines = readFileSync(script, 'utf8').split('\n').length;
    appendFileSync(script, `console.log('::error::mine');\nthrow new RangeError('::warning::no rows');\n`);
    commit(cwd, 'a mistake');
    const failed = await runStep('retrain', { cwd, with: churn });
    expect(failed.code).toBe(1);
    // The stack is the training's own, in its group; the annotation has none but in its words.
    expect(failed.commands.at(-1)).toEqual({
      command: 'error',
      properties: expect.stringContaining(`file=training/train.ts,line=${lines + 1}`),
      message: expect.stringContaining('exited with 1'),
    });

    trainWith(cwd, 'exit 3');
    const silent = await runStep('retrain', { cwd, with: churn });
    const run = lineOf(cwd, 'run: ');
    expect(silent.commands.at(-1)?.properties).toContain(`file=edgeloop.yaml,line=${run}`);

    edit(cwd, 'edgeloop.yaml', ['task: binary-classification', 'task: clasification'], ['label:', 'lable:']);
    const wrong = await runStep('plan', { cwd });
    expect(wrong.code).toBe(2);
    const at = wrong.commands.map(({ properties: where }) => /file=([^,]*),line=(\d+)/.exec(where)?.slice(1));
    for (const key of ['task:', 'lable:'])
      expect(at).toContainEqual(['edgeloop.yaml', String(lineOf(cwd, key))]);
    expect(at.at(-1)).toBeUndefined();
    expect(errorsOf(wrong).at(-1)).toEqual({
      title: 'Edgeloop%3A config-invalid',
      message: expect.stringContaining('clasification'),
    });
  });

  it('runs nothing of a fork, and trains it without keeping anything once a maintainer has said so', async () => {
    const cwd = project();
    secondPartArrives(cwd);
    const before = registryTags(cwd);
    const untouched = expectDone(
      await runStep('retrain', { cwd, with: churn, event: forkedPullRequest('some-label') }),
    );
    expect(untouched.stdout).not.toContain('::group::');
    const planned = expectDone(await runStep('plan', { cwd, event: forkedPullRequest() }));
    expect(planned.outputs).toMatchObject({ any: 'false', matrix: '{"include":[]}' });
    expect(untouched.commands).toEqual([
      {
        command: 'notice',
        properties: expect.stringContaining('churn'),
        message: expect.stringContaining('#7'),
      },
    ]);
    const event = forkedPullRequest('edgeloop:train');
    expect((await runStep('plan', { cwd, event })).outputs['any']).toBe('true');
    const trained = expectDone(await runStep('retrain', { cwd, with: churn, event }));
    expect(trained.outputs).toMatchObject({ outcome: 'pass', reused: 'false', 'next-version': '' });
    expect(trained.summary).toContain('only judged');
    expect(registryTags(cwd)).toEqual(before);
    expect((await runStep('release', { cwd, with: churn })).code).toBe(3);
  });
});

describe('release and rollout', () => {
  it('release once what was judged, and move a channel only to what it has never named', async () => {
    const cwd = project();
    secondPartArrives(cwd);
    expect((await runStep('release', { cwd, with: churn })).code).toBe(3);
    const { outputs: judged } = expectDone(await runStep('retrain', { cwd, with: churn }));
    const { outputs, summary } = expectDone(await runStep('release', { cwd, with: churn }));
    expect(outputs).toMatchObject({
      version: '1.0.1',
      created: 'true',
      tag: 'churn@v1.0.1',
      digest: judged['digest'],
      commit: git(cwd, 'rev-parse', 'churn@v1.0.1^{commit}'),
    });
    expect(summary).toContain('Released: churn 1.0.1 (patch)');
    expect((await runStep('release', { cwd, with: churn })).outputs).toMatchObject({
      version: '1.0.1',
      created: 'false',
    });

    // The rollout is left to do, whoever has refused or missed it before.
    expect((await runStep('plan', { cwd })).outputs['any']).toBe('true');
    const newest = () => runStep('rollout', { cwd, with: { release: 'churn' } });
    const moved = expectDone(await newest());
    expect(moved.outputs).toMatchObject({
      moved: 'true',
      version: '1.0.1',
      channel: 'production',
      sequence: '2',
    });
    expect(expectDone(await newest()).outputs).toMatchObject({
      moved: 'false',
      version: '1.0.1',
      sequence: '2',
    });
    const back = { release: 'churn@1.0.0', channel: 'production' };
    expect(expectDone(await runStep('rollout', { cwd, with: back })).outputs).toMatchObject({
      moved: 'true',
      sequence: '3',
    });
    // Going back is not undone by the next event, and nobody is asked to approve that nothing happens.
    expect((await runStep('plan', { cwd })).outputs['any']).toBe('false');
    expect(expectDone(await newest()).outputs).toMatchObject({
      moved: 'false',
      version: '1.0.0',
      sequence: '3',
    });
  });

  it('raises the version when the input says so', async () => {
    const cwd = project();
    secondPartArrives(cwd);
    expectDone(await runStep('retrain', { cwd, with: churn }));
    const step = expectDone(await runStep('release', { cwd, with: { ...churn, bump: 'minor' } }));
    expect(step.outputs['version']).toBe('1.1.0');
  });

  it('releases no pull request', async () => {
    const step = await runStep('release', { cwd: project(), with: churn, event: forkedPullRequest() });
    expect(step.code).toBe(2);
    expect(errorsOf(step)[0]?.title).toBe('Edgeloop%3A release-of-pull-request');
  });
});

describe('verify', () => {
  it('annotates each finding, fails, and mends when it is asked to', async () => {
    const cwd = project();
    const index = join(cwd, '.edgeloop/registry/churn/index.json');
    const text = readFileSync(index, 'utf8');
    const without = JSON.parse(text);
    const nameKey = 'org.opencontainers.image.ref.name';
    without.manifests = without.manifests.filter(
      ({ annotations = {} }: { annotations?: Record<string, string> }) =>
        annotations[nameKey] !== '1.0.0-model',
    );
    writeFileSync(index, JSON.stringify(without));
    const step = await runStep('verify', { cwd });
    expect(step.code).toBe(3);
    expect(step.outputs['ok']).toBe('false');
    const findings = JSON.parse(step.outputs['findings'] ?? '');
    expect(findings.length).toBeGreaterThan(0);
    // One of them says that it failed.
    expect(errorsOf(step)).toHaveLength(findings.length + 1);
    const mended = expectDone(await runStep('verify', { cwd, with: { repair: 'true' } }));
    expect(mended.outputs).toEqual({ ok: 'true', findings: '[]' });
    expect(mended.summary).toContain('mended');
  });
});
