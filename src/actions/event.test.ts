import { describe, expect, it } from 'vitest';
import { readEvent, trainingPermission } from './event.ts';

const SHA = 'a'.repeat(40);

function pullRequest(more: object = {}, head: object = { repo: { id: 1 } }) {
  return {
    action: 'synchronize',
    pull_request: { number: 7, labels: [], head: { sha: SHA, ...head }, base: { repo: { id: 1 } } },
    ...more,
  };
}
const FORK = { repo: { id: 2 } };
const train = { action: 'labeled', label: { name: 'edgeloop:train' } };

describe('trainingPermission', () => {
  it.each([
    ['a branch of the repository', pullRequest(), 'keep'],
    ['a fork', pullRequest({}, FORK), 'nothing'],
    ['a fork that was deleted', pullRequest({}, { repo: null }), 'nothing'],
    ['a fork, labelled just now', pullRequest(train, FORK), 'judge'],
    ['a deleted fork, labelled just now', pullRequest(train, { repo: null }), 'judge'],
    [
      'a fork that got another label',
      pullRequest({ action: 'labeled', label: { name: 'bug' } }, FORK),
      'nothing',
    ],
    ['a fork whose label was taken away', pullRequest({ ...train, action: 'unlabeled' }, FORK), 'nothing'],
    ['a branch, labelled just now', pullRequest(train), 'keep'],
  ])('%s', (_, payload, may) => {
    expect(trainingPermission(readEvent('pull_request', payload)).may).toBe(may);
  });

  it('does not let a push to a fork be trained because it was labelled before', () => {
    const labelled = pullRequest({}, FORK);
    Object.assign(labelled.pull_request, { labels: [{ name: 'edgeloop:train' }] });
    const permission = trainingPermission(readEvent('pull_request', labelled));
    expect(permission).toEqual({ may: 'nothing', why: expect.stringContaining('pull request #7') });
  });

  it('never trains a fork with the rights of the repository, whatever its labels', () => {
    expect(trainingPermission(readEvent('pull_request_target', pullRequest(train, FORK)))).toEqual({
      may: 'nothing',
      why: expect.stringContaining('pull_request_target'),
    });
  });

  it("judges Dependabot's pull requests, whose runs may only read", () => {
    expect(trainingPermission(readEvent('pull_request', pullRequest(), 'dependabot[bot]')).may).toBe('judge');
    expect(trainingPermission(readEvent('pull_request', pullRequest({}, FORK), 'dependabot[bot]')).may).toBe(
      'nothing',
    );
  });

  it.each(['pull_request_review', 'pull_request_review_comment'])('of a fork by %s: nothing', (name) => {
    // GitHub checks out the same merge for them as for pull_request.
    const payload = pullRequest({ action: 'submitted' }, FORK);
    expect(trainingPermission(readEvent(name, payload)).may).toBe('nothing');
  });

  it.each(['push', 'schedule', 'workflow_dispatch', 'repository_dispatch'])('%s', (name) => {
    expect(trainingPermission(readEvent(name, {})).may).toBe('keep');
  });
});

describe('readEvent', () => {
  it('reads labels, number and head of a pull request', () => {
    const payload = pullRequest();
    Object.assign(payload.pull_request, { labels: [{ name: 'edgeloop:major', color: 'red' }] });
    expect(readEvent('pull_request', payload)).toEqual({
      kind: 'pull request',
      number: 7,
      head: SHA,
      isFork: false,
      mayOnlyRead: false,
      hasRights: false,
      labels: ['edgeloop:major'],
      labelled: undefined,
    });
  });

  it.each([
    [{}],
    [null],
    [{ pull_request: { number: '7' } }],
    [pullRequest({}, { repo: { id: 1 }, sha: 'main; rm -rf /' })],
  ])('refuses a pull request of another shape: %j', (payload) => {
    expect(() => readEvent('pull_request', payload)).toThrow(/expected|invalid/i);
  });

  it('reads what a dispatch names', () => {
    const payload = { client_payload: { models: ['churn'], source: 'site 42', job: 'j1', more: 1 } };
    expect(readEvent('repository_dispatch', payload)).toEqual({
      kind: 'dispatch',
      models: ['churn'],
      said: 'site 42, j1',
      problem: undefined,
    });
  });

  it.each([[{ client_payload: { models: 'churn' } }], [{ client_payload: [1] }], [{ client_payload: 7 }]])(
    'takes nothing of a dispatch of another shape: %j',
    (payload) => {
      const event = readEvent('repository_dispatch', payload);
      expect(event).toEqual({
        kind: 'dispatch',
        models: undefined,
        said: '',
        problem: expect.stringMatching(/expected/i),
      });
    },
  );

  it.each([[{}], [{ client_payload: null }], [null], ['x']])('looks at all for %j', (payload) => {
    expect(readEvent('repository_dispatch', payload)).toMatchObject({
      models: undefined,
      problem: undefined,
    });
  });
});
