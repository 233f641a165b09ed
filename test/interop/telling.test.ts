import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { reportCheck } from '../../src/loop/tell/check.ts';
import { commentReport } from '../../src/loop/tell/comment.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { type GitHubStandIn, gitHubAvailable, startGitHub } from '../fakes/github/stand-in.ts';
import { git } from '../fixtures/churn-project.ts';
import { scratchRepository } from '../fixtures/git-repository.ts';
import { loopDeps } from '../fixtures/loop-deps.ts';

const BOT = 'github-actions[bot]';
const MARKER = '<!-- edgeloop report churn -->';
const REPORT = { pullRequest: 7, model: 'churn', markdown: '# churn passed' };

async function start(): Promise<{ github: GitHubStandIn; head: string }> {
  const github = await startGitHub(scratchRepository());
  const head = git(github.folder, 'rev-parse', 'main');
  github.pullRequests.push({ number: 7, head }, { number: 8, head });
  return { github, head };
}

/** An environment whose API is behind a proxy. */
const through = ({ environment }: GitHubStandIn, { url }: FaultProxy) => ({
  ...environment,
  GITHUB_API_URL: `${url}/api/v3`,
});

const bodiesOf = ({ comments }: GitHubStandIn, author = BOT) =>
  comments.all.filter((comment) => comment.author === author).map(({ body }) => body);

const writesTo = ({ requests }: GitHubStandIn) => requests.filter((request) => !request.startsWith('GET '));

describe.skipIf(!gitHubAvailable())('the comment of a report', () => {
  it('is one for each model and pull request, found again behind 230 of others and changed in place', async () => {
    const { github } = await start();
    await using _ = github;
    const deps = loopDeps(github.environment);
    for (let n = 0; n < 115; n++) github.comments.say(7, 'ada', `Looks good ${n}`);
    await commentReport(deps, REPORT);
    for (let n = 0; n < 115; n++) github.comments.say(7, 'dependabot[bot]', `Bump ${n}`);
    await commentReport(deps, { ...REPORT, model: 'churn-2', markdown: 'other model' });
    await commentReport(deps, { ...REPORT, pullRequest: 8, markdown: 'other pull request' });
    await commentReport(deps, { ...REPORT, markdown: '# churn was refused' });
    expect(bodiesOf(github)).toEqual([
      `${MARKER}\n# churn was refused`,
      '<!-- edgeloop report churn-2 -->\nother model',
      `${MARKER}\nother pull request`,
    ]);
    expect(github.comments.all.findIndex(({ author }) => author === BOT)).toBe(115);
    expect(github.comments.all).toHaveLength(233);
    // The same words again are not sent.
    const before = writesTo(github);
    await commentReport(deps, { ...REPORT, markdown: '# churn was refused\n' });
    expect(writesTo(github)).toEqual(before);
  });

  it('is found on a full page, and made after one', async () => {
    const { github } = await start();
    await using _ = github;
    const deps = loopDeps(github.environment);
    for (let n = 0; n < 100; n++) github.comments.say(7, 'ada', `Looks good ${n}`);
    await commentReport(deps, REPORT);
    for (let n = 0; n < 99; n++) github.comments.say(7, 'ada', `Still good ${n}`);
    await commentReport(deps, { ...REPORT, markdown: 'second' });
    expect(bodiesOf(github)).toEqual([`${MARKER}\nsecond`]);
  });

  it('leaves alone what others wrote with its first line, and what has that line elsewhere', async () => {
    const { github } = await start();
    await using _ = github;
    const copied = `${MARKER}\n# churn passed, says Mallory`;
    for (const author of ['mallory', 'other-app[bot]']) github.comments.say(7, author, copied);
    github.comments.say(7, BOT, `From another action:\n${MARKER}\n`);
    await commentReport(loopDeps(github.environment), REPORT);
    expect(github.comments.all.map(({ author, body }) => [author, body])).toEqual([
      ['mallory', copied],
      ['other-app[bot]', copied],
      [BOT, `From another action:\n${MARKER}\n`],
      [BOT, `${MARKER}\n# churn passed`],
    ]);
  });

  it('of several that two runs have made keeps the oldest, with the new words', async () => {
    const { github } = await start();
    await using _ = github;
    const oldest = github.comments.say(7, BOT, `${MARKER}\nfirst`);
    for (let n = 0; n < 120; n++) github.comments.say(7, 'ada', `Looks good ${n}`);
    github.comments.say(7, BOT, `${MARKER}\r\nsecond`);
    await commentReport(loopDeps(github.environment), REPORT);
    expect(bodiesOf(github)).toEqual([`${MARKER}\n# churn passed`]);
    expect(oldest.body).toBe(`${MARKER}\n# churn passed`);
  });

  it('carries what a hostile model is named and says as it is', async () => {
    const { github } = await start();
    await using _ = github;
    const hostile = [
      '--> <script>alert(1)</script> <!-- edgeloop report other -->',
      '::add-mask::x\u2028${{ github.token }} $(id) `id` {owner} {/path} %0A',
      '\ud83d\ude00 "quoted" \\n end',
    ].join('\n');
    const body = `${hostile}\n${'x'.repeat(65_000 - hostile.length - 1)}`;
    await commentReport(loopDeps(github.environment), { ...REPORT, markdown: body });
    expect(bodiesOf(github)).toEqual([`${MARKER}\n${body}`]);
  });

  it.each([
    ['whose answer got lost', { fault: 'drop', of: 'answer', afterBytes: 10 }],
    ['that GitHub failed', { fault: 'answer', status: 502 }],
  ] as const)('is there once after a try %s', async (_when, fault) => {
    const { github } = await start();
    await using _ = github;
    await using proxy = await startFaultProxy(github.url);
    for (let n = 0; n < 105; n++) github.comments.say(7, 'ada', `Looks good ${n}`);
    proxy.fault(fault, { method: 'POST' });
    await commentReport(loopDeps(through(github, proxy)), REPORT);
    expect(proxy.requests.flatMap(({ faults }) => faults)).toEqual([fault.fault]);
    expect(bodiesOf(github)).toEqual([`${MARKER}\n# churn passed`]);
  });

  it('is a coded failure when GitHub stays down, or has no such pull request', async () => {
    const { github } = await start();
    await using _ = github;
    await using proxy = await startFaultProxy(github.url);
    const deps = loopDeps(through(github, proxy));
    await expect(commentReport(deps, { ...REPORT, pullRequest: 404 })).rejects.toMatchObject({
      code: 'github-not-found',
    });
    proxy.fault({ fault: 'answer', status: 503 }, { times: Infinity });
    await expect(commentReport(deps, REPORT)).rejects.toMatchObject({ code: 'github-unavailable' });
    const nowhere = loopDeps({ GITHUB_REPOSITORY: 'acme/churn' });
    await expect(commentReport(nowhere, REPORT)).rejects.toMatchObject({
      code: 'github-settings-missing',
      message: expect.stringContaining('pull request #7'),
    });
    expect(github.comments.all).toEqual([]);
  });
});

describe.skipIf(!gitHubAvailable())('a rate limit', () => {
  it('that ends soon is waited for, the secondary and the primary one', async () => {
    const { github } = await start();
    await using _ = github;
    await using proxy = await startFaultProxy(github.url);
    const deps = loopDeps(through(github, proxy));
    const secondary = { fault: 'answer', status: 403, headers: { 'retry-after': '1' } } as const;
    proxy.fault(secondary, { method: 'POST' });
    await commentReport(deps, REPORT);
    proxy.fault(secondary, { method: 'PATCH' });
    await commentReport(deps, { ...REPORT, markdown: 'second' });
    github.comments.say(7, BOT, MARKER);
    proxy.fault(secondary, { method: 'DELETE' });
    await commentReport(deps, { ...REPORT, markdown: 'second' });
    expect(proxy.requests.flatMap(({ faults }) => faults)).toEqual(['answer', 'answer', 'answer']);

    // Nothing that is asked before the named time may pass, and no more than three tries are made.
    const reset = Math.ceil(Date.now() / 1000) + 3;
    const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(reset) };
    proxy.fault({ fault: 'answer', status: 403, headers }, { method: 'PATCH', times: Infinity });
    const third = commentReport(deps, { ...REPORT, markdown: 'third' });
    await sleep(2500);
    proxy.heal();
    await third;
    expect(bodiesOf(github)).toEqual([`${MARKER}\nthird`]);
  });

  it.each(['POST', 'PATCH', 'DELETE'] as const)('that ends late is told at once: %s', async (method) => {
    const { github } = await start();
    await using _ = github;
    await using proxy = await startFaultProxy(github.url);
    if (method !== 'POST') github.comments.say(7, BOT, MARKER);
    if (method === 'DELETE') github.comments.say(7, BOT, MARKER);
    const headers = { 'retry-after': '1800' };
    proxy.fault({ fault: 'answer', status: 403, headers }, { method, times: Infinity });
    await expect(commentReport(loopDeps(through(github, proxy)), REPORT)).rejects.toMatchObject({
      code: 'github-rate-limited',
    });
    expect(proxy.requests.flatMap(({ faults }) => faults)).toEqual(['answer']);
  });

  // GitHub, "Rate limits for the REST API": a minute at least, unless a header says otherwise; x-ratelimit-reset is
  // about the primary limit and counts only where x-ratelimit-remaining is 0.
  it.each([403, 429])('that names no time is told as one, for a minute: %s', async (status) => {
    const { github } = await start();
    await using _ = github;
    await using proxy = await startFaultProxy(github.url);
    const soon = String(Math.ceil(Date.now() / 1000) + 2);
    const headers = { 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': soon };
    const message =
      'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';
    const answer = { fault: 'answer', status, headers, body: JSON.stringify({ message }) } as const;
    proxy.fault(answer, { method: 'POST', times: Infinity });
    const before = Date.now();
    const refused = await commentReport(loopDeps(through(github, proxy)), REPORT).catch((error) => error);
    expect(refused).toMatchObject({ code: 'github-rate-limited' });
    const until = Date.parse(/until (\S+)/.exec(refused.message)?.[1] ?? '');
    expect(until).toBeGreaterThanOrEqual(Math.floor(before / 1000) * 1000 + 60_000);
    expect(proxy.requests.flatMap(({ faults }) => faults)).toEqual(['answer']);
  });
});

describe.skipIf(!gitHubAvailable())('the check of a model', () => {
  it.each([
    ['first', 'success'],
    ['pass', 'success'],
    ['fail', 'failure'],
  ] as const)('says of the outcome %s: %s', async (outcome, conclusion) => {
    const { github, head } = await start();
    await using _ = github;
    const words = { title: 'the gate has decided', markdown: '| metric | now |' };
    await reportCheck(loopDeps(github.environment), { model: 'churn', headSha: head, outcome, ...words });
    expect(github.checkRuns).toMatchObject([
      {
        name: 'edgeloop / churn',
        headSha: head,
        status: 'completed',
        conclusion,
        title: words.title,
        summary: words.markdown,
        detailsUrl: `${github.url}/acme/churn/actions/runs/4711`,
      },
    ]);
  });

  it('is a coded failure for a commit that GitHub does not have', async () => {
    const { github } = await start();
    await using _ = github;
    const check = { model: 'churn', outcome: 'pass', title: 'x', markdown: 'x' } as const;
    const headSha = '0'.repeat(40);
    await expect(reportCheck(loopDeps(github.environment), { ...check, headSha })).rejects.toMatchObject({
      code: 'github-refused',
      message: expect.stringContaining('No commit found'),
    });
  });
});

describe.skipIf(!gitHubAvailable())('a permission that the token lacks', () => {
  it('is named as the line that a workflow needs: for comments and checks', async () => {
    const { github, head } = await start();
    await using _ = github;
    const check = { model: 'churn', headSha: head, outcome: 'pass', title: 'x', markdown: 'x' } as const;
    // Who may read comments but not write them is told the same as who may not read them.
    for (const permissions of [{ issues: 'write' }, { pull_requests: 'read' }] as const) {
      const deps = loopDeps({ ...github.environment, GITHUB_TOKEN: github.token(permissions) });
      const level = 'issues' in permissions ? 'read' : 'write';
      await expect(commentReport(deps, REPORT)).rejects.toMatchObject({
        code: 'github-permission-missing',
        message: expect.stringContaining(`issues=${level}; pull_requests=${level}`),
        remedy: expect.stringContaining('permissions: { pull-requests: write }'),
      });
      await expect(reportCheck(deps, check)).rejects.toMatchObject({
        code: 'github-permission-missing',
        remedy: expect.stringContaining('permissions: { checks: write }'),
      });
    }
  });
});
