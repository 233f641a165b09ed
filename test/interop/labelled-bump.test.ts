import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openWorkspace } from '../../src/loop/open-workspace.ts';
import { labelledBump } from '../../src/loop/tell/labelled-bump.ts';
import { lockBytes, lockPath, versionTag } from '../../src/versioning/index.ts';
import { type GitHubStandIn, gitHubAvailable, startGitHub } from '../fakes/github/stand-in.ts';
import { churnProject, commit, git } from '../fixtures/churn-project.ts';
import { loopDeps } from '../fixtures/loop-deps.ts';

const DIGEST = `sha256:${'1'.repeat(64)}`;

/** A commit with a file of its own; its id. */
function change(project: string, name: string): string {
  mkdirSync(join(project, 'notes'), { recursive: true });
  writeFileSync(join(project, 'notes', name), name);
  commit(project, name);
  return git(project, 'rev-parse', 'HEAD');
}

/** Merges commits of a branch of their own into main; their last commit and the merge commit. */
function merge(project: string, name: string, how: '--no-ff' | '--squash') {
  git(project, 'checkout', '--quiet', '-b', name);
  change(project, `${name}-1`);
  const head = change(project, `${name}-2`);
  git(project, 'checkout', '--quiet', 'main');
  git(project, 'merge', '--quiet', how, ...(how === '--no-ff' ? ['-m', name] : []), name);
  if (how === '--squash') git(project, 'commit', '--quiet', '--message', name);
  return { head, mergeCommit: git(project, 'rev-parse', 'HEAD') };
}

/** A workflow's step in a shallow checkout. */
async function stepOn(github: GitHubStandIn, more: Record<string, string> = {}, branch = 'main') {
  const cwd = await github.clone({ args: ['--depth=1', '--no-tags', `--branch=${branch}`] });
  const { PATH = '' } = process.env;
  const deps = loopDeps({ PATH, ...github.environment, ...more }, { cwd });
  const workspace = await openWorkspace(deps);
  return { workspace, deps };
}

/** A release of what main has, as `release` records it; nothing of it is in a registry. */
async function release(github: GitHubStandIn, version: string): Promise<void> {
  const { workspace } = await stepOn(github);
  const history = workspace.versionHistory;
  if (history === undefined) throw new Error('no history');
  const bytes = lockBytes({
    schema: 'edgeloop.lock/v1',
    model: 'churn',
    version,
    bump: 'first',
    reasons: ['first release'],
    modelManifest: DIGEST,
    image: DIGEST,
    inputKey: '0'.repeat(64),
    dataset: DIGEST,
    verdict: DIGEST,
    champion: null,
    trainedCommit: null,
  });
  const files = [{ path: lockPath('churn'), bytes }];
  const head = git(github.folder, 'rev-parse', 'main');
  const made = await history.commit(head, files, `churn ${version}`, new Date());
  await history.createTag({ name: versionTag('churn', version), commit: made, message: 'x' });
}

async function bumpOn(github: GitHubStandIn, more: Record<string, string> = {}, branch = 'main') {
  const { workspace, deps } = await stepOn(github, more, branch);
  return { bump: await labelledBump(workspace, 'churn'), logged: deps.logged };
}

/** A project whose main lies on a GitHub; `push` moves that one past its protection. */
async function start() {
  const project = churnProject();
  const github = await startGitHub(project);
  return { project, github, push: () => git(project, 'push', '--quiet', github.folder, 'main') };
}

describe.skipIf(!gitHubAvailable())('the bump that labels ask for', () => {
  it('is of all pull requests since the highest release, squashed and merged, also of a run that was skipped', async () => {
    const { project, github, push } = await start();
    await using _ = github;
    const before = merge(project, 'before', '--squash');
    github.pullRequests.push({ number: 1, labels: ['edgeloop:major'], ...before });
    push();
    await release(github, '1.0.0');
    expect((await bumpOn(github)).bump).toBeUndefined();

    // No release was made of this one.
    const squashed = {
      number: 2,
      labels: ['bug', 'edgeloop:minor'],
      ...merge(project, 'second', '--squash'),
    };
    github.pullRequests.push(squashed);
    change(project, 'pushed-without-a-pull-request');
    const merged = { number: 3, labels: ['docs'], ...merge(project, 'third', '--no-ff') };
    github.pullRequests.push(merged);
    push();
    expect(await bumpOn(github)).toEqual({
      bump: 'minor',
      logged: ['info: pull request #2 asks for a minor version'],
    });
    merged.labels.push('edgeloop:major');
    expect((await bumpOn(github)).bump).toBe('major');
    await release(github, '2.0.0');
    expect((await bumpOn(github)).bump).toBeUndefined();
  });

  it('takes no pull request that was not merged, and before the first release only the last commit', async () => {
    const { project, github, push } = await start();
    await using _ = github;
    github.pullRequests.push({
      number: 1,
      labels: ['edgeloop:major'],
      ...merge(project, 'first', '--squash'),
    });
    change(project, 'second');
    push();
    expect((await bumpOn(github)).bump).toBeUndefined();
    git(project, 'checkout', '--quiet', '-b', 'open');
    github.pullRequests.push({ number: 2, labels: ['edgeloop:major'], head: change(project, 'third') });
    git(project, 'push', '--quiet', github.folder, 'open');
    git(project, 'checkout', '--quiet', 'main');
    expect((await bumpOn(github, {}, 'open')).bump).toBeUndefined();
    github.pullRequests.push({
      number: 3,
      labels: ['edgeloop:minor'],
      ...merge(project, 'fourth', '--no-ff'),
    });
    push();
    expect((await bumpOn(github)).bump).toBe('minor');
  });

  it('looks at the newest 100 commits, and says that there are more', async () => {
    const { project, github, push } = await start();
    await using _ = github;
    push();
    await release(github, '1.0.0');
    const old = { number: 1, labels: ['edgeloop:major'], ...merge(project, 'old', '--squash') };
    const edge = { number: 2, labels: ['edgeloop:minor'], ...merge(project, 'edge', '--squash') };
    github.pullRequests.push(old, edge);
    const person = 'committer Ada <ada@example.com> 4102444800 +0000';
    const from = git(project, 'rev-parse', 'main');
    const commits = Array.from({ length: 99 }, (__, n) => {
      const parent = n === 0 ? `from ${from}\n` : '';
      return `commit refs/heads/many\n${person}\ndata 1\nx\n${parent}M 100644 inline many\ndata 1\nx\n`;
    });
    execFileSync('git', ['fast-import', '--quiet'], { cwd: project, input: commits.join('') });
    git(project, 'merge', '--quiet', '--ff-only', 'many');
    push();
    const { bump, logged } = await bumpOn(github);
    expect(bump).toBe('minor');
    expect(logged[0]).toMatch(/^warn: 1 older commits since churn@v1\.0\.0 /);
    expect(github.requests.filter((request) => request.endsWith('/pulls 200'))).toHaveLength(100);
  });

  it('names the permission that is missing, on a GitHub that keeps it from reading pull requests', async () => {
    const { github, push } = await start();
    await using _ = github;
    push();
    const GITHUB_TOKEN = github.token({ contents: 'write' });
    await expect(bumpOn(github, { GITHUB_TOKEN })).rejects.toMatchObject({
      code: 'github-permission-missing',
      remedy: expect.stringContaining('permissions: { pull-requests: read }'),
    });
  });
});
