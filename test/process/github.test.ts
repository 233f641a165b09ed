import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { openWorkspace } from '../../src/loop/open-workspace.ts';
import { listReleases } from '../../src/loop/releases.ts';
import { startFaultProxy } from '../fakes/fault-proxy.ts';
import { type GitHubStandIn, gitHubAvailable, startGitHub } from '../fakes/github/stand-in.ts';
import { churnProject, commit, edgeloopWith, git, secondPartArrives } from '../fixtures/churn-project.ts';
import { edit } from '../fixtures/expect-error.ts';
import { findTool } from '../tooling/find.ts';

type Environment = Record<string, string>;
const WORKFLOW = [
  'GITHUB_ACTIONS',
  'GITHUB_API_URL',
  'GITHUB_REPOSITORY',
  'GITHUB_SERVER_URL',
  'GITHUB_TOKEN',
  'GH_TOKEN',
];
/** Not in a workflow, wherever the tests run. */
const LAPTOP: Environment = Object.fromEntries(WORKFLOW.map((name) => [name, '']));

const gto = findTool('gto');

/** Runs a verb with `--json` and expects its exit code. */
async function json(code: number, environment: Environment, cwd: string, ...args: string[]) {
  const ran = await edgeloopWith({ ...LAPTOP, ...environment }, cwd, ...args, '--json');
  const stderr = ran.code === code ? '' : ran.stderr;
  expect({ args, code: ran.code, stderr }).toEqual({ args, code, stderr: '' });
  return JSON.parse(ran.stdout);
}

// The branch `second` has the second part of the data; the registry has the candidates of both.
let project: string;
let trained: string;
beforeAll(async () => {
  if (!gitHubAvailable()) return;
  project = churnProject();
  edit(project, 'edgeloop.yaml', [/^channels:/m, 'github: { releases: true }\nchannels:']);
  commit(project, 'with pages');
  await json(0, {}, project, 'retrain', 'churn');
  git(project, 'checkout', '--quiet', '-b', 'second');
  secondPartArrives(project);
  await json(0, {}, project, 'retrain', 'churn');
  git(project, 'checkout', '--quiet', 'main');
  trained = join(project, '.edgeloop/registry');
});

/** A GitHub with the project, a copy of the registry, and an environment that names both. */
async function start(): Promise<{ github: GitHubStandIn; environment: Environment }> {
  const github = await startGitHub(project);
  const registry = join(mkdtempSync(join(tmpdir(), 'edgeloop-registry-')), 'registry');
  cpSync(trained, registry, { recursive: true });
  return { github, environment: { ...github.environment, EDGELOOP_REGISTRY: `oci:${registry}` } };
}

/** As actions/checkout leaves it by default, with no right to push: nothing but the API can have made a tag. */
const checkout = (github: GitHubStandIn, branch = 'main') =>
  github.clone({ args: ['--depth=1', '--no-tags', `--branch=${branch}`], token: github.tokens.read });

const tagsOf = ({ folder }: GitHubStandIn) => git(folder, 'tag').split('\n').filter(Boolean);

describe.skipIf(!gitHubAvailable())('in a workflow', () => {
  it('releases over REST from a shallow checkout: tag, lock file and page are on GitHub, its branches as before', async () => {
    const { github, environment } = await start();
    await using _ = github;
    const branches = git(github.folder, 'for-each-ref', 'refs/heads');
    const released = await json(0, environment, await checkout(github), 'release', 'churn');
    expect(released).toMatchObject({ version: '1.0.0', created: true, tag: 'churn@v1.0.0' });
    expect(git(github.folder, 'for-each-ref', 'refs/heads')).toBe(branches);
    expect(github.requests.filter((request) => /^POST .*\/(refs|releases) 201$/.test(request))).toHaveLength(
      2,
    );

    const clone = await github.clone();
    expect(git(clone, 'show', '--format=%P %an <%ae>', '--name-only', 'churn@v1.0.0^{commit}')).toBe(
      `${git(clone, 'rev-parse', 'main')} ada <1815+ada@users.noreply.github.com>\n\nmodels/churn/model.lock.json`,
    );
    const lock = JSON.parse(git(clone, 'show', 'churn@v1.0.0:models/churn/model.lock.json'));
    expect(lock).toMatchObject({ version: '1.0.0', modelManifest: released.modelManifest.digest });
    const [page] = github.releases.all;
    expect(page).toMatchObject({ tag: 'churn@v1.0.0', name: 'churn 1.0.0', draft: false, prerelease: false });
    expect(page?.body.split('\n')).toEqual(
      expect.arrayContaining([
        `- ModelPack manifest \`${lock.modelManifest}\``,
        `- image \`${lock.image}\``,
        `- dataset \`${lock.dataset}\``,
        expect.stringContaining('passed the gate as its first release'),
      ]),
    );
    // On a laptop the same record is read by git.
    const local = { EDGELOOP_REGISTRY: environment['EDGELOOP_REGISTRY'] ?? '' };
    expect((await json(0, local, clone, 'status')).models[0].releases).toHaveLength(1);
    expect(await json(0, environment, await checkout(github), 'release', 'churn')).toMatchObject({
      version: '1.0.0',
      created: false,
    });
    expect(github.releases.all).toHaveLength(1);
  });

  it.skipIf(gto === undefined)('releases what gto reads in a fresh clone', async () => {
    const { github, environment } = await start();
    await using _ = github;
    await json(0, environment, await checkout(github), 'release', 'churn');
    const cwd = await github.clone();
    const shown = execFileSync(gto ?? '', ['show', 'churn@latest', '--version'], { cwd, encoding: 'utf8' });
    expect(shown.trim()).toBe('v1.0.0');
  });

  it('records a version and a rollout that a later workflow and a clone read', async () => {
    const { github, environment } = await start();
    await using _ = github;
    await json(0, environment, await checkout(github), 'release', 'churn');
    const rollout = ['rollout', 'churn@1.0.0', '--channel', 'production'];
    await json(0, environment, await checkout(github), ...rollout);
    const second = await checkout(github, 'second');
    expect(await json(0, environment, second, 'release', 'churn')).toMatchObject({ version: '1.0.1' });
    expect(tagsOf(github)).toEqual(['churn#production#1', 'churn@v1.0.0', 'churn@v1.0.1']);
    expect(github.releases.all.map(({ tag }) => tag)).toEqual(['churn@v1.0.0', 'churn@v1.0.1']);
    expect(github.releases.latest).toBe(github.releases.all[1]?.id);
    expect(await json(0, environment, second, 'verify')).toMatchObject({ ok: true, findings: [] });

    // Finishing the older one takes nothing back.
    github.releases.all.shift();
    await json(0, environment, await checkout(github), 'release', 'churn');
    expect(github.releases.all.map(({ tag }) => tag)).toEqual(['churn@v1.0.1', 'churn@v1.0.0']);
    expect(github.releases.latest).toBe(github.releases.all[0]?.id);
  });

  it('of two releases of one candidate at once, over REST, one makes the version, the other finishes it', async () => {
    const { github, environment } = await start();
    await using _ = github;
    const clones = [await checkout(github), await checkout(github)];
    const both = await Promise.all(clones.map((clone) => json(0, environment, clone, 'release', 'churn')));
    expect(both.map(({ version }) => version)).toEqual(['1.0.0', '1.0.0']);
    expect(tagsOf(github)).toEqual(['churn@v1.0.0']);
    expect(both.map(({ commit: made }) => made)).toEqual([both[0]?.commit, both[0]?.commit]);
    expect(github.releases.all).toHaveLength(1);
  });

  it.each(['over REST', 'over git'])(
    'a release that another one %s overtakes says that its version is taken',
    async (how) => {
      const { github, environment } = await start();
      await using _ = github;
      await using proxy = await startFaultProxy(github.url);
      // Long enough for all of the other one, while the first one has computed its version.
      proxy.fault(
        { fault: 'slow', of: 'request', bytesPerSecond: 100 },
        { method: 'POST', path: /\/git\/tags$/ },
      );
      const slow = await checkout(github, 'second');
      const slowly = { ...environment, GITHUB_API_URL: `${proxy.url}/api/v3` };
      const overtaken = json(1, slowly, slow, 'release', 'churn');
      while (!proxy.requests.some(({ path }) => path.endsWith('/git/tags'))) await sleep(20);
      const [quick, other] =
        how === 'over REST'
          ? [environment, await checkout(github)]
          : [{ ...environment, GITHUB_ACTIONS: '' }, await github.clone()];
      expect(await json(0, quick, other, 'release', 'churn')).toMatchObject({
        version: '1.0.0',
        created: true,
      });
      expect((await overtaken).error).toMatchObject({ code: 'version-taken' });
      expect(tagsOf(github)).toEqual(['churn@v1.0.0']);
      expect(await json(0, environment, slow, 'release', 'churn')).toMatchObject({ version: '1.0.1' });
    },
  );

  it('refuses a commit that GitHub does not have, and a token that may only read, before anything is written', async () => {
    const { github, environment } = await start();
    await using _ = github;
    const reader = { ...environment, GITHUB_TOKEN: github.tokens.read };
    expect((await json(1, reader, await checkout(github), 'release', 'churn')).error).toMatchObject({
      code: 'github-permission-missing',
      remedy: expect.stringContaining('contents: write'),
    });
    const clone = await checkout(github);
    git(
      clone,
      '-c',
      'user.name=Ada',
      '-c',
      'user.email=a@b',
      'commit',
      '--quiet',
      '--allow-empty',
      '-m',
      'here',
    );
    expect((await json(1, environment, clone, 'release', 'churn')).error.code).toBe('commit-not-pushed');
    expect(tagsOf(github)).toEqual([]);
    expect(github.releases.all).toEqual([]);
  });

  it('leaves GitHub alone where the checkout is another one, or edgeloop.yaml says git', async () => {
    const { github, environment } = await start();
    await using _ = github;
    const scratch = churnProject();
    const { EDGELOOP_REGISTRY: __, ...workflow } = environment;
    await json(0, workflow, scratch, 'retrain', 'churn');
    await json(0, workflow, scratch, 'release', 'churn');
    expect(git(scratch, 'tag')).toBe('churn@v1.0.0');
    const clone = await github.clone();
    edit(clone, 'edgeloop.yaml', [/^github: .*/m, 'github: { versions: git }']);
    await json(0, environment, clone, 'status');
    expect(github.requests).toEqual([]);
    expect(tagsOf(github)).toEqual([]);
    edit(clone, 'edgeloop.yaml', [/^github: .*/m, 'github: { versions: api }']);
    expect((await json(2, {}, clone, 'status')).error.code).toBe('github-settings-missing');
    for (const wrong of [{ GITHUB_API_URL: 'http://github.example/api' }, { GITHUB_REPOSITORY: 'churn' }]) {
      const { error } = await json(2, { ...environment, ...wrong }, clone, 'status');
      expect(error).toMatchObject({
        code: 'github-settings-invalid',
        message: expect.stringContaining(Object.values(wrong)[0] ?? ''),
      });
    }
  });
});

describe.skipIf(!gitHubAvailable())('the mirror of GitHub releases', () => {
  it('reads every page, tells who wrote another digest, and mends that page alone', async () => {
    const { github, environment } = await start();
    await using _ = github;
    const clone = await checkout(github);
    await json(0, environment, clone, 'release', 'churn');
    const [page] = github.releases.all;
    if (page === undefined) throw new Error('no page was written');
    const written = page.body;
    const others = Array.from({ length: 230 }, (__, n) => ({
      ...page,
      id: n + 2,
      tag: n === 0 ? 'churn@v9.0.0' : `other@v1.0.${n}`,
      body: 'by hand',
    }));
    github.releases.all.push(...others);
    const workspace = await openWorkspace({
      cwd: clone,
      environment: { ...process.env, ...environment },
      log: () => {},
      followTraining: () => ({ line: () => {}, end: () => {} }),
      mask: () => {},
      now: () => new Date(),
      signal: new AbortController().signal,
    });
    const [mirror] = workspace.mirrors;
    const [release] = await listReleases(workspace, 'churn');
    if (mirror === undefined || release === undefined) throw new Error('nothing there');
    expect(mirror.name).toBe('GitHub releases of acme/churn');
    const digest = release.lock.modelManifest;
    expect(await mirror.read('churn')).toEqual([
      { version: '9.0.0', digest: undefined },
      { version: '1.0.0', digest },
    ]);

    page.body = written.replace(digest, `sha256:${'0'.repeat(64)}`).replaceAll('\n', '\r\n');
    expect((await mirror.read('churn'))[1]).toEqual({ version: '1.0.0', digest: `sha256:${'0'.repeat(64)}` });
    await expect(mirror.write(release)).rejects.toMatchObject({ code: 'mirror-disagrees' });
    await mirror.repair(release);
    expect(page.body).toBe(written);
    // What somebody adds to a page that names the right digest stays.
    page.body = `Read this first.\n\n${written}`;
    await mirror.write(release);
    await mirror.repair(release);
    expect(page.body).toBe(`Read this first.\n\n${written}`);
    github.releases.all.splice(0, 1);
    await mirror.repair(release);
    expect(github.releases.all.at(-1)).toMatchObject({ tag: 'churn@v1.0.0', body: written });
    expect(github.releases.all.slice(0, -1)).toEqual(others);
  });
});
