import type { BareRepository } from './bare-repository.ts';
import { invalid, nodeId, type Routes } from './routes.ts';
import { pageOf, repository as shownRepository, urls, user } from './shown.ts';

/** A pull request onto main, as a test puts it there. */
export interface StoredPullRequest {
  number: number;
  /** Its last commit. */
  head: string;
  labels?: string[];
  /** The commit on main by which it was merged: a merge commit, or the one into which its own were squashed. */
  mergeCommit?: string;
}

/** The pull requests that a commit belongs to. */
export function pullRequestRoutes(all: readonly StoredPullRequest[]): Routes {
  return {
    'GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls': async ({
      repository,
      api,
      parameters,
      query,
    }) => {
      const sha = parameters['commit_sha'] ?? '';
      if ((await repository.typeOf(sha)) !== 'commit') return invalid(`No commit found for SHA: ${sha}`);
      const found: object[] = [];
      for (const one of all) if (await holds(repository, one, sha)) found.push(shown(api, one));
      return { status: 200, body: pageOf(found, query) };
    },
  };
}

async function holds(
  { run }: BareRepository,
  { head, mergeCommit }: StoredPullRequest,
  sha: string,
): Promise<boolean> {
  if (sha === mergeCommit) return true;
  const before = mergeCommit === undefined ? 'refs/heads/main' : `${mergeCommit}^`;
  const isIn = async (commit: string) => (await run(['merge-base', '--is-ancestor', sha, commit])).code === 0;
  return (await isIn(head)) && !(await isIn(before));
}

function shown(api: string, { number, head, labels = [], mergeCommit }: StoredPullRequest): object {
  const at = '2026-01-02T03:04:05Z';
  const url = `${api}/pulls/${number}`;
  const links = [
    'comments',
    'commits',
    'statuses',
    'html',
    'issue',
    'review_comments',
    'review_comment',
    'self',
  ];
  const end = (ref: string, sha: string) => ({
    label: `acme:${ref}`,
    ref,
    sha,
    repo: shownRepository(api),
    user: user(api, 'acme'),
  });
  const isMerged = mergeCommit !== undefined;
  return {
    id: number,
    node_id: nodeId(`pull request ${number}`),
    number,
    url,
    ...urls(url, [...links, 'diff', 'patch']),
    _links: Object.fromEntries(links.map((name) => [name, { href: url }])),
    state: isMerged ? 'closed' : 'open',
    locked: false,
    title: `Pull request ${number}`,
    body: null,
    user: user(api, 'ada'),
    labels: labels.map((name, id) => ({
      id,
      node_id: nodeId(name),
      url: `${api}/labels/${encodeURIComponent(name)}`,
      name,
      description: '',
      color: 'ededed',
      default: false,
    })),
    milestone: null,
    assignee: null,
    auto_merge: null,
    author_association: 'MEMBER',
    head: end(`change-${number}`, head),
    base: end('main', head),
    merge_commit_sha: mergeCommit ?? null,
    created_at: at,
    updated_at: at,
    closed_at: isMerged ? at : null,
    merged_at: isMerged ? at : null,
  };
}
