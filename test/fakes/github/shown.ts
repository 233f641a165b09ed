import { nodeId } from './routes.ts';

/** Whom a workflow's token writes as. */
export const BOT = 'github-actions[bot]';

/** An account as GitHub shows it wherever one is named. */
export function user(api: string, login: string): object {
  const links = ['events', 'followers', 'following', 'gists', 'organizations', 'received_events', 'repos'];
  return {
    login,
    id: login === BOT ? 41898282 : 1,
    node_id: nodeId(login),
    gravatar_id: '',
    url: `${api}/users/${encodeURIComponent(login)}`,
    type: login.endsWith('[bot]') ? 'Bot' : 'User',
    site_admin: false,
    ...urls(api, [...links, 'starred', 'subscriptions', 'html', 'avatar']),
  };
}

const REPOSITORY_LINKS =
  `archive assignees blobs branches collaborators comments commits compare contents contributors
  deployments downloads events forks git_commits git_refs git_tags hooks html issue_comment issue_events issues keys
  labels languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags
  teams trees clone git ssh svn`.split(/\s+/);
const COUNTS =
  'forks forks_count open_issues open_issues_count size stargazers_count watchers watchers_count';
const SWITCHES =
  'private fork has_downloads has_issues has_projects has_wiki has_pages archived disabled'.split(' ');

/** The repository, wherever GitHub shows it whole. */
export function repository(api: string): object {
  const [owner = '', name = ''] = api.split('/').slice(-2);
  return {
    id: 1,
    node_id: nodeId('repository'),
    name,
    full_name: `${owner}/${name}`,
    owner: user(api, owner),
    default_branch: 'main',
    url: api,
    ...urls(api, REPOSITORY_LINKS),
    mirror_url: null,
    ...Object.fromEntries(COUNTS.split(' ').map((count) => [count, 0])),
    ...Object.fromEntries(SWITCHES.map((is) => [is, false])),
    description: null,
    homepage: null,
    language: null,
    license: null,
    pushed_at: null,
    created_at: null,
    updated_at: null,
  };
}

/** Links that nobody follows. */
export function urls(api: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`${name}_url`, `${api}/${name}`]));
}

/** One page of a list, as `per_page` and `page` ask for it. */
export function pageOf<T>(all: readonly T[], query: URLSearchParams): T[] {
  const [size, page] = [Number(query.get('per_page') ?? 30), Number(query.get('page') ?? 1)];
  return all.slice((page - 1) * size, page * size);
}
