import { z } from 'zod';
import { eachAtOnce } from '../at-once.ts';
import { endpoint, type GitHubClient, parseAnswer } from './client.ts';

export interface MergedPullRequest {
  number: number;
  labels: string[];
}

export interface MergedPullRequests {
  /** Each once. */
  pullRequests: MergedPullRequest[];
  /** So many older commits of the range were not looked at. */
  passedOver: number;
}

/** So many commits of a range are looked at, the newest: each costs one of a workflow's 1,000 requests an hour. */
const MOST_COMMITS = 100;
const AT_ONCE = 8;
const comparisonSchema = z.object({
  total_commits: z.number(),
  commits: z.array(z.object({ sha: z.string() })),
});
const pullRequestsSchema = z.array(
  z.object({
    number: z.number(),
    merged_at: z.string().nullable(),
    labels: z.array(z.object({ name: z.string() })),
  }),
);

/**
 * The pull requests by which the commits got there that `head` has and `base` lacks; without a base that GitHub knows,
 * those of `head` alone.
 */
export async function mergedPullRequests(
  client: GitHubClient,
  { base, head }: { base: string | undefined; head: string },
): Promise<MergedPullRequests> {
  const { commits, total } = await commitsBetween(client, base, head);
  const found = new Map<number, MergedPullRequest>();
  await eachAtOnce(commits, AT_ONCE, client.signal, async (commit_sha) => {
    const route = 'GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls';
    const request = endpoint(route, { ...client.at, commit_sha, per_page: 100 });
    for (const { number, merged_at, labels } of parseAnswer(pullRequestsSchema, await client.send(request))) {
      if (merged_at !== null) found.set(number, { number, labels: labels.map(({ name }) => name) });
    }
  });
  const pullRequests = [...found.values()].toSorted((a, b) => a.number - b.number);
  return { pullRequests, passedOver: total - commits.length };
}

async function commitsBetween(client: GitHubClient, base: string | undefined, head: string) {
  const first = base === undefined ? undefined : await compare(client, base, head, 1);
  if (base === undefined || first === undefined) return { commits: [head], total: 1 };
  const { total } = first;
  if (total <= MOST_COMMITS) return first;
  // The oldest come first, and the last page need not be full.
  const last = Math.ceil(total / MOST_COMMITS);
  const pages = [await compare(client, base, head, last - 1), await compare(client, base, head, last)];
  const commits = pages.flatMap((page) => page?.commits ?? []).slice(-MOST_COMMITS);
  return { commits, total };
}

/** One page of the commits between two; `undefined` when GitHub does not know both. */
async function compare(client: GitHubClient, base: string, head: string, page: number) {
  const request = endpoint('GET /repos/{owner}/{repo}/compare/{basehead}', {
    ...client.at,
    basehead: `${base}...${head}`,
    per_page: MOST_COMMITS,
    page,
  });
  const answer = await client.send(request, [404]);
  if (answer.status === 404) return undefined;
  const { total_commits: total, commits } = parseAnswer(comparisonSchema, answer);
  return { commits: commits.map(({ sha }) => sha), total };
}
