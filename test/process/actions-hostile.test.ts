import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { churn, copyOf, errorsOf, expectDone, releasedByActions } from '../fixtures/action-project.ts';
import { runStep } from '../fixtures/action-runner.ts';
import { commit } from '../fixtures/churn-project.ts';
import { edit } from '../fixtures/expect-error.ts';

let released: string;
beforeAll(async () => {
  released = await releasedByActions();
}, 120_000);
const project = () => copyOf(released);

describe('an action takes no harm from', () => {
  it.each([
    ['retrain', {}, 'input-missing', 2],
    ['retrain', { model: 'chrn' }, 'model-unknown', 2],
    ['release', { model: 'churn', bump: 'huge' }, 'input-invalid', 2],
    ['rollout', { release: 'churn@one' }, 'release-name', 2],
    ['rollout', { release: 'churn', 'allow-major': 'yes' }, 'input-invalid', 2],
    ['rollout', { release: 'churn', channel: 'staging' }, 'channel-unknown', 2],
    ['rollout', { release: 'churn@9.9.9' }, 'release-unknown', 2],
    ['verify', { model: 'churn', repair: '1' }, 'input-invalid', 2],
    ['plan', { models: 'churn churm' }, 'model-unknown', 2],
    ['plan', { config: 'nowhere.yaml' }, 'config-unreadable', 2],
  ] as const)('%s with %j', async (name, inputs, code, exit) => {
    const step = await runStep(name, { cwd: project(), with: inputs });
    expect({ code: step.code, errors: errorsOf(step) }).toEqual({
      code: exit,
      errors: [{ title: `Edgeloop%3A ${code}`, message: expect.stringMatching(/\n\S/) }],
    });
  });

  it('a workspace that nothing was checked out to, and says so', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'edgeloop-empty-'));
    const step = await runStep('plan', { cwd });
    expect({ code: step.code, errors: errorsOf(step) }).toEqual({
      code: 2,
      errors: [
        { title: 'Edgeloop%3A config-not-found', message: expect.stringContaining('actions/checkout') },
      ],
    });
  });

  it("a log that everybody reads, of which the registry's password is masked", async () => {
    const environment = { EDGELOOP_REGISTRY_PASSWORD: 'hunter2' };
    const step = expectDone(await runStep('plan', { cwd: project(), environment }));
    expect(step.commands[0]).toEqual({ command: 'add-mask', properties: '', message: 'hunter2' });
    expect(step.stdout.match(/hunter2/g)).toHaveLength(1);
  });

  it('an event of another shape', async () => {
    const event = { name: 'pull_request', payload: { pull_request: { number: 'x' } } };
    const step = await runStep('retrain', { cwd: project(), with: churn, event });
    expect(step.code).toBe(1);
    const [error, ...others] = errorsOf(step);
    expect(others).toEqual([]);
    expect(error?.title).toBe('Edgeloop%3A event-unreadable');
    // In words, with the place in it, not as the JSON of a schema's complaints.
    expect(error?.message).toContain('pull_request.number');
    expect(error?.message).not.toMatch(/[[{]\s*"/);
  });

  it('names of files and params that would be commands', async () => {
    const cwd = project();
    const name = '::error::one\n::add-mask::two %0A $(touch pwned) `touch pwned` <script>.csv';
    cpSync(join(cwd, 'arrivals/churn-2.csv'), join(cwd, 'data/train', name));
    edit(cwd, 'edgeloop.yaml', [
      'params: { trees: 120 }',
      'params: { trees: 120, note: "::error::x\\n##[error]y" }',
    ]);
    commit(cwd, '::error::hostile');
    const planned = expectDone(await runStep('plan', { cwd }));
    expect(planned.commands).toEqual([]);
    expect(planned.summary).not.toContain('<script>');
    const trained = await runStep('retrain', { cwd, with: churn });
    expect(
      trained.commands.filter(({ command }) => !/^(group|endgroup|error|warning)$/.test(command)),
    ).toEqual([]);
    expect(trained.commands.filter(({ message }) => message === 'one' || message === 'x')).toEqual([]);
    expect(trained.summary).not.toContain('<script>');
    expect(trained.code).toBe(0);
  });
});
