import { describe, expect, it } from 'vitest';
import { refusal } from '../../src/errors.ts';
import { withDeployment } from '../../src/loop/tell/deployment.ts';
import { startFaultProxy } from '../fakes/fault-proxy.ts';
import { type GitHubStandIn, gitHubAvailable, startGitHub } from '../fakes/github/stand-in.ts';
import { git } from '../fixtures/churn-project.ts';
import { scratchRepository } from '../fixtures/git-repository.ts';
import { loopDeps } from '../fixtures/loop-deps.ts';

const DIGEST = `sha256:${'1'.repeat(64)}`;

const deploymentOf = (version: string, model = 'churn') => ({
  model,
  version,
  tag: `${model}@v${version}`,
  channel: 'production',
  digest: DIGEST,
});

async function start(): Promise<GitHubStandIn> {
  const github = await startGitHub(scratchRepository());
  for (const tag of ['churn@v1.0.0', 'churn@v1.0.1', 'digits@v1.0.0']) git(github.folder, 'tag', tag, 'main');
  return github;
}

const statesOf = ({ deployments }: GitHubStandIn) =>
  deployments.map(({ environment, statuses }) => [environment, ...statuses.map(({ state }) => state)]);

describe.skipIf(!gitHubAvailable())('a deployment', () => {
  it('is in progress while the work goes on, then a success; the one before of that model becomes inactive', async () => {
    await using github = await start();
    const deps = loopDeps(github.environment);
    const during: unknown[] = [];
    const work = (what: string) => async () => {
      during.push(statesOf(github).at(-1));
      return what;
    };
    expect(await withDeployment(deps, deploymentOf('1.0.0'), work('first'))).toBe('first');
    expect(await withDeployment(deps, deploymentOf('1.0.0', 'digits'), work('digits'))).toBe('digits');
    expect(await withDeployment(deps, deploymentOf('1.0.1'), work('second'))).toBe('second');
    expect(during).toEqual([
      ['production/churn', 'in_progress'],
      ['production/digits', 'in_progress'],
      ['production/churn', 'in_progress'],
    ]);
    expect(statesOf(github)).toEqual([
      ['production/churn', 'in_progress', 'success', 'inactive'],
      ['production/digits', 'in_progress', 'success'],
      ['production/churn', 'in_progress', 'success'],
    ]);
    expect(github.deployments[2]).toMatchObject({
      ref: 'churn@v1.0.1',
      sha: git(github.folder, 'rev-parse', 'main'),
      description: 'churn 1.0.1 to production',
      payload: { model: 'churn', version: '1.0.1', channel: 'production', digest: DIGEST },
    });
    const logUrl = `${github.url}/acme/churn/actions/runs/4711`;
    expect(github.deployments[2]?.statuses).toMatchObject([{ logUrl }, { logUrl }]);
    expect(deps.logged).toEqual([]);
  });

  it('of work that fails is a failure, and the error is the one of the work; what was there stays active', async () => {
    await using github = await start();
    const deps = loopDeps(github.environment);
    await withDeployment(deps, deploymentOf('1.0.0'), async () => undefined);
    const error = refusal('release-unverified', 'no', 'Mend it.');
    const failed = withDeployment(deps, deploymentOf('1.0.1'), () => Promise.reject(error));
    await expect(failed).rejects.toBe(error);
    expect(statesOf(github).map((states) => states.at(-1))).toEqual(['success', 'failure']);
  });

  it('of a run that is cancelled is told to have failed all the same', async () => {
    await using github = await start();
    const cancel = new AbortController();
    const deps = loopDeps(github.environment, { signal: cancel.signal });
    const cancelled = withDeployment(deps, deploymentOf('1.0.0'), async () => {
      cancel.abort(new Error('cancelled'));
      cancel.signal.throwIfAborted();
    });
    await expect(cancelled).rejects.toThrow('cancelled');
    expect(statesOf(github)).toEqual([['production/churn', 'in_progress', 'failure']]);
  });

  it.each<[string, (github: GitHubStandIn) => Record<string, string>, string]>([
    [
      'a token that may not',
      (github) => ({ GITHUB_TOKEN: github.token({ contents: 'write' }) }),
      'permissions: { deployments: write }',
    ],
    ['no token', () => ({ GITHUB_TOKEN: '' }), 'GITHUB_TOKEN'],
    ['another repository', () => ({ GITHUB_REPOSITORY: 'acme/other' }), 'acme/other'],
    ['no GitHub', () => ({ GITHUB_API_URL: 'http://127.0.0.1:1' }), '127.0.0.1:1'],
  ])('with %s is a warning, and the work is done, or fails, all the same', async (_, more, says) => {
    await using github = await start();
    const deps = loopDeps({ ...github.environment, ...more(github) });
    expect(await withDeployment(deps, deploymentOf('1.0.0'), async () => 'done')).toBe('done');
    expect(deps.logged).toEqual([expect.stringMatching(/^warn: .*churn 1\.0\.0 to production/)]);
    expect(deps.logged[0]).toContain(says);
    const error = new Error('of the work');
    const failed = withDeployment(deps, deploymentOf('1.0.1'), () => Promise.reject(error));
    await expect(failed).rejects.toBe(error);
    expect(github.deployments).toEqual([]);
  });

  it('whose statuses GitHub does not take leaves the work what it is', async () => {
    await using github = await start();
    await using proxy = await startFaultProxy(github.url);
    const deps = loopDeps({ ...github.environment, GITHUB_API_URL: `${proxy.url}/api/v3` });
    proxy.fault({ fault: 'answer', status: 422 }, { path: /\/statuses$/ });
    expect(await withDeployment(deps, deploymentOf('1.0.0'), async () => 'done')).toBe('done');
    expect(statesOf(github)).toEqual([['production/churn', 'success']]);
    proxy.fault({ fault: 'answer', status: 422 }, { path: /\/statuses$/, nth: 2 });
    expect(await withDeployment(deps, deploymentOf('1.0.1'), async () => 'done')).toBe('done');
    expect(statesOf(github)[1]).toEqual(['production/churn', 'in_progress']);
    expect(deps.logged).toHaveLength(2);
  });
});
