import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { gitHubAvailable, startGitHub } from '../fakes/github/stand-in.ts';
import { commit, scratchRepository } from '../fixtures/git-repository.ts';

const run = promisify(execFile);

describe.skipIf(!gitHubAvailable())('the GitHub stand-in', () => {
  it('is a remote for git: clones, takes tags, and refuses its default branch and a token that may only read', async () => {
    await using github = await startGitHub(scratchRepository());
    const clone = await github.clone({ args: ['--depth=1', '--no-tags'] });
    commit(clone, 'second');
    execFileSync('git', ['-C', clone, 'tag', 'v1']);
    await run('git', ['-C', clone, 'push', '--quiet', 'origin', 'v1']);
    await expect(run('git', ['-C', clone, 'push', 'origin', 'main'])).rejects.toMatchObject({
      stderr: expect.stringContaining('GH006'),
    });
    const reader = await github.clone({ token: github.tokens.read });
    execFileSync('git', ['-C', reader, 'tag', 'v2']);
    await expect(run('git', ['-C', reader, 'push', 'origin', 'v2'])).rejects.toMatchObject({
      stderr: expect.stringContaining('403'),
    });
    const { stdout } = await run('git', ['ls-remote', github.remote, 'refs/tags/*', 'refs/heads/*']);
    expect(stdout.replaceAll(/[0-9a-f]{40}\s+/g, '')).toBe('refs/heads/main\nrefs/tags/v1\n');
  });

  it('answers a request that GitHub does not describe with 422 or 404, and fails the test that made it', async () => {
    const github = await startGitHub(scratchRepository());
    const headers = { authorization: `Bearer ${github.tokens.write}` };
    const ask = async (path: string, body?: unknown) =>
      (
        await fetch(`${github.api}/repos/${github.repository}${path}`, {
          headers,
          ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
        })
      ).status;
    expect(await ask('/releases?per_page=100&page=1')).toBe(200);
    expect(github.misfits).toEqual([]);
    expect(await ask('/releases?perpage=100')).toBe(422);
    expect(await ask('/git/refs', { ref: 'refs/tags/v1' })).toBe(422);
    expect(await ask('/git/blobs', { content: 'x', encodng: 'utf-8' })).toBe(422);
    expect(await ask('/releases', { tag_name: 'v1', make_latest: true })).toBe(422);
    expect(await ask('/git/tag/v1')).toBe(404);
    expect(github.misfits).toEqual([
      expect.stringContaining('perpage'),
      expect.stringContaining(`must have required property 'sha'`),
      expect.stringContaining('encodng'),
      expect.stringContaining('make_latest'),
      expect.stringContaining('no such route'),
    ]);
    await expect(github[Symbol.asyncDispose]()).rejects.toThrow('perpage');
  });

  it('has comments, checks, deployments and pull requests, each for whom its permission lets in', async () => {
    await using github = await startGitHub(scratchRepository());
    const head = execFileSync('git', ['-C', github.folder, 'rev-parse', 'main'], { encoding: 'utf8' }).trim();
    github.pullRequests.push({ number: 7, head, labels: ['bug'], mergeCommit: head });
    const ask = async (token: string, path: string, body?: unknown, method = body ? 'POST' : 'GET') => {
      const answer = await fetch(`${github.api}/repos/${github.repository}${path}`, {
        headers: { authorization: `Bearer ${token}` },
        method,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const accepted = answer.headers.get('x-accepted-github-permissions');
      const text = await answer.text();
      return { status: answer.status, accepted, body: text === '' ? undefined : JSON.parse(text) };
    };
    const deployment = { ref: 'main', environment: 'x', auto_merge: false, required_contexts: [] };
    const writes: [string, object, string][] = [
      ['/issues/7/comments', { body: 'x' }, 'issues=write; pull_requests=write'],
      [
        '/check-runs',
        { name: 'x', head_sha: head, status: 'completed', conclusion: 'neutral' },
        'checks=write',
      ],
      ['/deployments', deployment, 'deployments=write'],
      ['/deployments/1/statuses', { state: 'success' }, 'deployments=write'],
    ];
    for (const [path, body, accepted] of writes) {
      expect(await ask(github.tokens.read, path, body)).toMatchObject({ status: 403, accepted });
      expect(await ask(github.tokens.write, path, body)).toMatchObject({ status: 201, accepted: null });
    }
    const reads: [string, object][] = [
      ['/issues/7/comments', [{ body: 'x', user: { login: 'github-actions[bot]' } }]],
      [`/commits/${head}/check-runs`, { total_count: 1, check_runs: [{ name: 'x' }] }],
      ['/deployments?environment=x', [{ environment: 'x', sha: head }]],
      ['/deployments/1/statuses', [{ state: 'success' }]],
      [`/commits/${head}/pulls`, [{ number: 7, labels: [{ name: 'bug' }], merged_at: expect.anything() }]],
      [`/compare/${head}...main`, { status: 'identical', total_commits: 0, commits: [] }],
    ];
    const nobody = github.token({});
    for (const [path, body] of reads) {
      expect(await ask(nobody, path)).toMatchObject({ status: 403 });
      expect(await ask(github.tokens.read, path)).toMatchObject({ status: 200, body });
    }
    expect(await ask(github.tokens.write, '/issues/comments/1', undefined, 'DELETE')).toMatchObject({
      status: 204,
      body: undefined,
    });
    expect(github.comments.all).toEqual([]);
  });
});
