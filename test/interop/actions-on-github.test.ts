import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startFaultProxy } from '../fakes/fault-proxy.ts';
import type { Permissions } from '../fakes/github/permissions.ts';
import { type GitHubStandIn, gitHubAvailable, startGitHub } from '../fakes/github/stand-in.ts';
import { churn, expectDone } from '../fixtures/action-project.ts';
import { type ActionName, readAction, runStep, type StepOptions } from '../fixtures/action-runner.ts';
import { churnProject, commit, git, secondPartArrives } from '../fixtures/churn-project.ts';
import { edit } from '../fixtures/expect-error.ts';
import { available, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';

/** What the page of an action says that its job needs, but for the registry's part: GitHub does not ask for that. */
function permissionsOf(name: ActionName): Permissions {
  const page = readFileSync(join(readAction(name).folder, 'README.md'), 'utf8');
  const { permissions } = parse(/```yaml\n([^]*?)```/.exec(page)?.[1] ?? '');
  const { packages: _, ...ofGitHub } = permissions;
  return inHeader(ofGitHub);
}

/** As GitHub's header names them. */
function inHeader(permissions: Permissions): Permissions {
  return Object.fromEntries(
    Object.entries(permissions).map(([name, level]) => [name.replaceAll('-', '_'), level]),
  );
}

// One story: each part goes on from the one before.
describe.skipIf(!gitHubAvailable() || !available('docker-registry'))('the actions on GitHub', () => {
  let github: GitHubStandIn;
  let registry: RunningRegistry;
  let project: string;

  beforeAll(async () => {
    registry = await startRegistry('docker-registry');
    project = churnProject();
    github = await startGitHub(project);
  }, 120_000);
  afterAll(async () => {
    await registry.stop();
    await github[Symbol.asyncDispose]();
  });

  /** Runs an action on a shallow checkout of a branch, with a token that may do what the action's page says. */
  async function run(
    name: ActionName,
    branch: string,
    options: Omit<StepOptions, 'cwd'> & { api?: string; token?: string } = {},
  ) {
    const { api = github.api, token = github.token(permissionsOf(name)), ...step } = options;
    const cwd = await github.clone({
      args: ['--depth=1', '--no-tags', `--branch=${branch}`],
      token: github.tokens.read,
    });
    const environment = {
      ...github.environment,
      GITHUB_API_URL: api,
      GITHUB_TOKEN: token,
      EDGELOOP_REGISTRY: `${registry.host}/models`,
    };
    return runStep(name, { ...step, cwd, environment });
  }

  /** Pushes a branch with a change, and opens a pull request for it. */
  function propose(branch: string, change: () => void, labels: string[] = []): StepOptions['event'] {
    git(project, 'checkout', '--quiet', '-B', branch, 'main');
    change();
    git(project, 'push', '--quiet', '--force', github.folder, branch);
    const [number, sha] = [github.pullRequests.length + 1, git(project, 'rev-parse', 'HEAD')];
    github.pullRequests.push({ number, head: sha, labels });
    const repo = { id: 1 };
    const pull_request = {
      number,
      // Nobody reads them, and nothing may come of them.
      title: '::error::title $(touch pwned) `x` </details><script>',
      body: '::add-mask::churn\n##[error]body',
      labels: labels.map((name) => ({ name })),
      head: { sha, ref: '::set-output name=x::$(id)', repo },
      base: { sha: git(project, 'rev-parse', 'main'), ref: 'main', repo },
    };
    return { name: 'pull_request', payload: { action: 'opened', number, pull_request } };
  }

  function merge(branch: string): void {
    git(project, 'checkout', '--quiet', 'main');
    git(project, 'merge', '--quiet', '--ff-only', branch);
    const head = git(project, 'rev-parse', 'HEAD');
    git(github.folder, 'update-ref', 'refs/heads/main', head);
    const merged = github.pullRequests.find((one) => one.head === head);
    if (merged !== undefined) merged.mergeCommit = head;
  }

  it('plan, retrain, release and rollout need no more than their pages say, and tell no more than they should', async () => {
    const planned = expectDone(await run('plan', 'main'));
    expect(planned.outputs['any']).toBe('true');
    const event = { name: 'push', payload: {} };
    const trained = expectDone(await run('retrain', 'main', { with: churn, event }));
    expect(trained.commands.map(({ command }) => command)).toEqual(['group', 'endgroup']);
    expect(github.checkRuns).toMatchObject([
      { name: 'edgeloop / churn', conclusion: 'success', headSha: git(project, 'rev-parse', 'main') },
    ]);
    expect(github.comments.all).toEqual([]);
    expectDone(await run('release', 'main', { with: churn, event }));
    expect(git(github.folder, 'tag')).toBe('churn@v1.0.0');
    const moved = expectDone(await run('rollout', 'main', { with: { release: 'churn' } }));
    expect(moved.outputs).toMatchObject({ moved: 'true', version: '1.0.0' });
    expect(github.deployments).toMatchObject([
      {
        ref: 'churn@v1.0.0',
        environment: 'production/churn',
        statuses: [{ state: 'in_progress' }, { state: 'success' }],
      },
    ]);
    expect(moved.commands).toEqual([]);
    expect(expectDone(await run('verify', 'main')).outputs['ok']).toBe('true');
  });

  it('retrain comments on a pull request behind 120 others, and once', async () => {
    const event = propose('more-data', () => secondPartArrives(project));
    for (let count = 0; count < 120; count++) github.comments.say(1, 'somebody', `comment ${count}`);
    const first = expectDone(await run('retrain', 'more-data', { with: churn, event }));
    expect(first.commands.map(({ command }) => command)).toEqual(['group', 'endgroup']);
    const ours = () => github.comments.all.filter(({ author }) => author === 'github-actions[bot]');
    expect(ours()).toMatchObject([{ pullRequest: 1, body: expect.stringContaining('1.0.1') }]);
    expect(ours()[0]?.body).not.toMatch(/script|pwned/);
    expect(github.checkRuns.at(-1)).toMatchObject({
      headSha: git(project, 'rev-parse', 'more-data'),
      title: 'passed: would be released as 1.0.1 (patch)',
    });
    expect(expectDone(await run('retrain', 'more-data', { with: churn, event })).outputs['reused']).toBe(
      'true',
    );
    expect(ours()).toHaveLength(1);
  });

  it('sets the check on the head of a pull request, though its merge is what is checked out', async () => {
    const event = propose('more-data', () => secondPartArrives(project));
    const head = git(project, 'rev-parse', 'more-data');
    git(project, 'checkout', '--quiet', '-B', 'merge-of-it', 'main');
    git(project, 'merge', '--quiet', '--no-ff', '--message=merge', 'more-data');
    git(project, 'push', '--quiet', '--force', github.folder, 'merge-of-it');
    const before = github.checkRuns.length;
    expectDone(await run('retrain', 'merge-of-it', { with: churn, event }));
    expect(github.checkRuns.slice(before)).toMatchObject([{ headSha: head }]);
  });

  it('tries to write nothing for a fork, whose token may only read', async () => {
    const event = propose('of-a-fork', () => secondPartArrives(project), ['edgeloop:train']);
    const labelled = { action: 'labeled', label: { name: 'edgeloop:train' } };
    const payload = Object.assign(structuredClone(event?.payload) as object, labelled);
    Object.assign(Reflect.get(payload, 'pull_request').head, { repo: { id: 2 } });
    const before = github.requests.length;
    const step = await run('retrain', 'of-a-fork', {
      with: churn,
      event: { name: 'pull_request', payload },
      token: github.tokens.read,
    });
    expect(expectDone(step).outputs['outcome']).toBe('pass');
    expect(step.commands.filter(({ command }) => command === 'warning')).toEqual([
      { command: 'warning', properties: '', message: expect.stringContaining('only judged') },
    ]);
    const asked = github.requests.slice(before);
    expect(asked.filter((request) => /^(?!GET |POST \S*git-upload-pack)/.test(request))).toEqual([]);
  });

  it.each([
    ['is down', { status: 502 }],
    ['sends a page of a proxy', { status: 200, body: '<html>', headers: { 'content-type': 'text/html' } }],
    ['takes no more for an hour', { status: 403, headers: { 'retry-after': '3600' } }],
  ])('the verdict stands when the API for comments %s', async (_, answer) => {
    await using proxy = await startFaultProxy(github.url);
    const comments = { path: /\/issues\//, times: Infinity };
    proxy.fault({ fault: 'answer', ...answer }, comments);
    const event = propose('more-data', () => secondPartArrives(project));
    const step = expectDone(
      await run('retrain', 'more-data', { with: churn, event, api: `${proxy.url}/api/v3` }),
    );
    expect(step.outputs['outcome']).toBe('pass');
    expect(step.summary).toContain('1.0.1');
    expect(step.commands).toEqual([
      { command: 'warning', properties: '', message: expect.stringContaining('the comment with the report') },
    ]);
  });

  it('waits for the end of a secondary rate limit', async () => {
    await using proxy = await startFaultProxy(github.url);
    proxy.fault({ fault: 'answer', status: 403, headers: { 'retry-after': '1' } }, { path: /\/check-runs$/ });
    const event = propose('more-data', () => secondPartArrives(project));
    const before = github.checkRuns.length;
    const step = await run('retrain', 'more-data', { with: churn, event, api: `${proxy.url}/api/v3` });
    expect(expectDone(step).commands).toEqual([]);
    expect(github.checkRuns).toHaveLength(before + 1);
  });

  it('names the permissions that a job lacks', async () => {
    const event = propose('more-data', () => secondPartArrives(project));
    const token = github.token({ contents: 'read' });
    const step = expectDone(await run('retrain', 'more-data', { with: churn, event, token }));
    const warnings = step.commands.map(({ message }) => message);
    expect(warnings).toEqual([
      expect.stringContaining('permissions: { checks: write }'),
      expect.stringContaining('permissions: { pull-requests: write }'),
    ]);
    merge('more-data');
    const release = await run('release', 'main', { with: churn, token });
    expect({ code: release.code, errors: release.commands.map(({ message }) => message) }).toEqual({
      code: 1,
      errors: [expect.stringContaining('permissions: { pull-requests: read }')],
    });
    const allowed = github.token({ contents: 'read', pull_requests: 'read' });
    const second = await run('release', 'main', { with: churn, token: allowed });
    expect(second.commands.map(({ message }) => message)).toEqual([
      expect.stringContaining('permissions: { contents: write }'),
    ]);
    expect(git(github.folder, 'tag', '-l', 'churn@*')).toBe('churn@v1.0.0');
    const rollout = await run('rollout', 'main', {
      with: { release: 'churn@1.0.0' },
      token: github.token({ contents: 'read' }),
    });
    // It is there already: nothing to write.
    expect(expectDone(rollout).outputs['moved']).toBe('false');
  });

  it('raises the version by a label of a pull request, in its report and after the merge', async () => {
    expectDone(await run('release', 'main', { with: churn, event: { name: 'push', payload: {} } }));
    const event = propose(
      'another-param',
      () => {
        edit(project, 'edgeloop.yaml', ['trees: 120', 'trees: 125']);
        commit(project, '125 trees');
      },
      ['edgeloop:major'],
    );
    const step = expectDone(await run('retrain', 'another-param', { with: churn, event }));
    expect(step.outputs).toMatchObject({ 'next-version': '2.0.0', 'next-bump': 'major' });
    merge('another-param');
    const released = await run('release', 'main', { with: churn, event: { name: 'push', payload: {} } });
    expect(expectDone(released).outputs['version']).toBe('2.0.0');
    // Devices are not moved to another major version by themselves.
    const rollout = await run('rollout', 'main', { with: { release: 'churn' } });
    expect(rollout.code).toBe(3);
    expect(github.deployments.at(-1)?.statuses.at(-1)).toMatchObject({ state: 'failure' });
    const allowed = { release: 'churn', 'allow-major': 'true' };
    expect(expectDone(await run('rollout', 'main', { with: allowed })).outputs['version']).toBe('2.0.0');
  });
});
