/** What a token may do, by the names of GitHub's header: `{ contents: 'read', pull_requests: 'write' }`. */
export type Permissions = Record<string, 'read' | 'write'>;

/** What a route needs, and what GitHub's header says of it, which is more for comments on pull requests. */
const ROUTES: [RegExp, string, string[]][] = [
  [/\/issues\//, 'pull_requests', ['issues', 'pull_requests']],
  [/\/commits\/[^/]+\/pulls$/, 'pull_requests', ['pull_requests']],
  [/\/check-runs/, 'checks', ['checks']],
  [/\/deployments/, 'deployments', ['deployments']],
  [/\/actions\//, 'actions', ['actions']],
];

const SCOPES = ['contents', 'issues', 'pull_requests', 'checks', 'deployments', 'actions'];

/** A token's permissions when it may read, or read and write, everything that the stand-in has. */
export function everything(level: 'read' | 'write'): Permissions {
  return Object.fromEntries(SCOPES.map((scope) => [scope, level]));
}

/** The header `x-accepted-github-permissions` of a route that a token may not use; `undefined` when it may. */
export function missingPermissions(route: string, given: Permissions): string | undefined {
  const level = route.startsWith('GET ') ? 'read' : 'write';
  const found = ROUTES.find(([pattern]) => pattern.test(route));
  const [, needed = 'contents', told = ['contents']] = found ?? [];
  if (given[needed] === 'write' || given[needed] === level) return undefined;
  return told.map((scope) => `${scope}=${level}`).join('; ');
}
