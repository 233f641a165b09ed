import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openWorkingTree } from '../../src/git/index.ts';
import { openGitHub, openVersionHistory } from '../../src/github/index.ts';
import type { TagEntry, VersionHistory } from '../../src/versioning/index.ts';
import { startFaultProxy } from '../fakes/fault-proxy.ts';
import { type GitHubStandIn, gitHubAvailable, startGitHub } from '../fakes/github/stand-in.ts';
import { commit, scratchRepository } from '../fixtures/git-repository.ts';
import { ask, DATE, FILE, versionHistoryContract } from '../fixtures/version-history-contract.ts';

const WHO = { name: 'Ada', email: 'ada@example.com' };
const AS_ADA = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];

async function workingTree(folder: string): Promise<VersionHistory> {
  execFileSync('git', ['-C', folder, 'config', 'user.name', WHO.name]);
  execFileSync('git', ['-C', folder, 'config', 'user.email', WHO.email]);
  const tree = await openWorkingTree(folder);
  if (tree === undefined) throw new Error(`${folder} is no working tree`);
  return tree;
}

const overRest = (
  { api, repository, tokens }: GitHubStandIn,
  more: { api?: string; token?: string; repository?: string } = {},
  clone?: VersionHistory,
) => openVersionHistory(openGitHub({ api, repository, token: tokens.write, ...more }), WHO, clone);

const comparable = ({ date, file, ...tag }: TagEntry) => ({
  ...tag,
  date: Date.parse(date),
  file: Buffer.from(file ?? []).toString(),
});

/** Makes a tag in a clone alone, or moves one there. */
function forge(folder: string, name: string, target: string): void {
  execFileSync('git', [
    '-C',
    folder,
    ...AS_ADA,
    'tag',
    '--force',
    '--annotate',
    '--message=forged',
    name,
    target,
  ]);
}

async function start(): Promise<{ github: GitHubStandIn; head: string }> {
  const github = await startGitHub(scratchRepository());
  return { github, head: ask(github, 'rev-parse', 'main') };
}

describe.skipIf(!gitHubAvailable())('a record of versions on GitHub', () => {
  describe('over git, in two complete clones', () => {
    versionHistoryContract(async () => {
      const { github, head } = await start();
      const [history, other] = [
        await workingTree(await github.clone()),
        await workingTree(await github.clone()),
      ];
      return { history, other, github, head };
    });
  });

  describe('over git, in shallow clones without tags', () => {
    versionHistoryContract(async () => {
      const { github, head } = await start();
      const args = ['--depth=1', '--no-tags'];
      const [history, other] = [
        await workingTree(await github.clone({ args })),
        await workingTree(await github.clone({ args })),
      ];
      return { history, other, github, head };
    });
  });

  describe('over REST', () => {
    versionHistoryContract(async () => {
      const { github, head } = await start();
      return { history: overRest(github), other: overRest(github), github, head };
    });
  });

  // GitHub, "Create a reference": it takes the permission "workflows", which no workflow's token can have.
  it('over REST says who can go back to a release whose workflows are those of no branch any more', async () => {
    const folder = scratchRepository();
    const workflow = '.github/workflows/release.yml';
    const change = (text: string) => {
      mkdirSync(join(folder, dirname(workflow)), { recursive: true });
      writeFileSync(join(folder, workflow), text);
      commit(folder, text);
    };
    change('on: push');
    const github = await startGitHub(folder);
    await using _ = github;
    const history = overRest(github);
    const released = await history.commit(ask(github, 'rev-parse', 'main'), [FILE], 'churn 1.0.0', DATE);
    expect(await history.createTag({ name: 'churn@v1.0.0', commit: released, message: '1' })).toBe(true);
    change('on: schedule');
    ask(github, 'fetch', '--quiet', folder, '+refs/heads/main:refs/heads/main');
    const back = { name: 'churn#production#2', commit: released, message: 'back' };
    await expect(history.createTag(back)).rejects.toMatchObject({
      code: 'github-permission-missing',
      remedy: expect.stringMatching(/permissions: { contents: write }.*\.github\/workflows.*in a clone/),
    });
    expect(ask(github, 'tag', '-l')).toBe('churn@v1.0.0');
    // As somebody with an account does it.
    const clone = await workingTree(await github.clone());
    await clone.fetchTags('churn@v');
    expect(await clone.createTag(back)).toBe(true);
    expect(ask(github, 'rev-parse', 'churn#production#2^{commit}')).toBe(released);
  });

  describe('over REST, beside a shallow clone', () => {
    versionHistoryContract(async () => {
      const { github, head } = await start();
      const clone = await workingTree(await github.clone({ args: ['--depth=1', '--no-tags'] }));
      return { history: overRest(github, {}, clone), other: overRest(github, {}, clone), github, head };
    });
  });

  describe('over both, which see each other', () => {
    versionHistoryContract(async () => {
      const { github, head } = await start();
      return { history: overRest(github), other: await workingTree(await github.clone()), github, head };
    });
  });
});

describe.skipIf(!gitHubAvailable())('over REST', () => {
  it('takes a tag whose answer got lost for its own', async () => {
    const { github, head } = await start();
    await using _ = github;
    await using proxy = await startFaultProxy(github.url);
    const history = overRest(github, { api: `http://${proxy.host}/api/v3` });
    const made = await history.commit(head, [FILE], 'churn 1.0.0', DATE);
    proxy.fault({ fault: 'drop', of: 'answer', afterBytes: 10 }, { method: 'POST', path: /\/git\/refs$/ });
    expect(await history.createTag({ name: 'churn@v1.0.0', commit: made, message: 'first' })).toBe(true);
    expect(proxy.requests.flatMap(({ faults }) => faults)).toEqual(['drop']);
    expect(ask(github, 'rev-parse', 'churn@v1.0.0^{commit}')).toBe(made);
  });

  it('goes on after a 503 and a short wait that GitHub asks for', async () => {
    const { github, head } = await start();
    await using _ = github;
    await using proxy = await startFaultProxy(github.url);
    const history = overRest(github, { api: `http://${proxy.host}/api/v3` });
    proxy.fault({ fault: 'answer', status: 503 }, { path: /\/git\/trees$/ });
    const wait = { 'retry-after': '1' };
    proxy.fault({ fault: 'answer', status: 403, headers: wait }, { path: /\/git\/commits$/ });
    const made = await history.commit(head, [FILE], 'churn 1.0.0', DATE);
    expect(ask(github, 'rev-parse', `${made}^`)).toBe(head);
    expect(proxy.requests.flatMap(({ faults }) => faults)).toEqual(['answer', 'answer']);
  });

  it('says when a rate limit ends that is worth no wait, and asks no second time', async () => {
    const { github } = await start();
    await using _ = github;
    await using proxy = await startFaultProxy(github.url);
    const history = overRest(github, { api: `http://${proxy.host}/api/v3` });
    const reset = Math.floor(Date.now() / 1000) + 1800;
    const primary = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(reset) };
    for (const [status, headers] of [
      [403, primary],
      [429, { 'retry-after': '1800' }],
    ] as const) {
      proxy.fault({ fault: 'answer', status, headers, body: '{"message":"slow down"}' }, {});
      const error = await history.tags('churn@v').then(String, (reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'github-rate-limited', exitCode: 1 });
      const [, when = ''] = /until (\S+)/.exec(String(error)) ?? [];
      expect(Math.abs(Date.parse(when) / 1000 - reset)).toBeLessThan(30);
    }
    expect(proxy.requests).toHaveLength(2);
  });

  it('asks for 100 versions with two requests each, once, and with none for what the clone has', async () => {
    const { github, head } = await start();
    await using _ = github;
    const versions = Array.from({ length: 100 }, (__, n) => {
      const at = `Ada <ada@example.com> ${1_700_000_000 + n} +0000`;
      const made = `commit refs/heads/versions\ncommitter ${at}\ndata 1\nx\nfrom ${head}\n`;
      const file = `M 100644 inline ${FILE.path}\ndata ${String(n).length}\n${n}\n`;
      return `${made}${file}tag churn@v1.0.${n}\nfrom refs/heads/versions\ntagger ${at}\ndata 1\nx\n`;
    });
    execFileSync('git', ['-C', github.folder, 'fast-import', '--quiet'], { input: versions.join('') });
    const history = overRest(github);
    const first = await history.tags('churn@v', () => FILE.path);
    expect(first.map(({ file }) => Buffer.from(file ?? []).toString()).toSorted()).toEqual(
      versions.map((__, n) => String(n)).toSorted(),
    );
    const asked = github.requests.length;
    expect(asked).toBe(1 + 100 + 100);
    expect(await history.tags('churn@v', () => FILE.path)).toEqual(first);
    expect(github.requests.length - asked).toBe(1);

    const folder = await github.clone({ args: ['--depth=1', '--no-tags'] });
    const beside = overRest(github, {}, await workingTree(folder));
    expect((await beside.tags('churn@v')).map(({ name }) => name)).toEqual(first.map(({ name }) => name));
    // Neither a tag that nobody else has nor one that was moved here says anything.
    forge(folder, 'churn@v1.0.7', head);
    forge(folder, 'churn@v7.0.0', head);
    github.requests.length = 0;
    const read = await beside.tags('churn@v', () => FILE.path);
    expect(read.map(comparable)).toEqual(first.map(comparable));
    expect(github.requests).toHaveLength(3);
  });

  it('reads by requests alone beside a clone that may not fetch', async () => {
    const { github, head } = await start();
    await using _ = github;
    const folder = await github.clone();
    execFileSync('git', ['-C', folder, 'remote', 'set-url', 'origin', `${github.url}/acme/private.git`]);
    for (let n = 0; n < 20; n++) forge(github.folder, `churn@v1.0.${n}`, head);
    const tags = await overRest(github, {}, await workingTree(folder)).tags('churn@v');
    expect(tags.map(({ commit: at }) => at)).toEqual(Array.from({ length: 20 }, () => head));
    expect(github.requests).toHaveLength(21);
  });

  it('repeats what a rule of the repository says against a tag', async () => {
    const { github, head } = await start();
    await using _ = github;
    await using proxy = await startFaultProxy(github.url);
    const history = overRest(github, { api: `http://${proxy.host}/api/v3` });
    const errors = ['Cannot create ref due to creations being restricted.'];
    const body = JSON.stringify({ message: 'Repository rule violations found', errors });
    proxy.fault({ fault: 'answer', status: 422, body }, { path: /\/git\/refs$/, times: Infinity });
    await expect(
      history.createTag({ name: 'churn@v1.0.0', commit: head, message: 'x' }),
    ).rejects.toMatchObject({
      code: 'github-refused',
      message: expect.stringContaining(
        `422 to POST ${proxy.url}/api/v3/repos/acme/churn/git/refs: Repository rule violations found; ${errors[0]}`,
      ),
    });
  });

  it('says what is missing: the commit, the repository, the permission, the token; and never the token', async () => {
    const { github, head } = await start();
    await using _ = github;
    const clone = await github.clone();
    const unknown = commit(clone, 'not pushed');
    const tag = { name: 'churn@v1.0.0', commit: head, message: 'x' };
    const cases: [string, () => Promise<unknown>][] = [
      ['commit-not-pushed', () => overRest(github).commit(unknown, [FILE], 'x', DATE)],
      ['github-not-found', () => overRest(github, { repository: 'acme/other' }).tags('churn@v')],
      ['github-permission-missing', () => overRest(github, { token: github.tokens.read }).createTag(tag)],
      ['github-token-refused', () => overRest(github, { token: 'ghs_expired' }).tags('churn@v')],
    ];
    for (const [code, asking] of cases) {
      const error: unknown = await asking().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code, exitCode: 1 });
      expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('ghs_');
    }
    const refused = await overRest(github, { token: github.tokens.read })
      .createTag(tag)
      .catch((reason: unknown) => reason);
    expect(refused).toMatchObject({ remedy: expect.stringContaining('permissions: { contents: write }') });
  });
});
