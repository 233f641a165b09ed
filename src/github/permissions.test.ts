import { expect, it } from 'vitest';
import { neededPermissions } from './permissions.ts';

const AT = 'https://api.github.com/repos/acme/churn';

it.each<[string, string | undefined, string]>([
  [`POST ${AT}/issues/7/comments`, undefined, 'pull-requests: write'],
  [`PATCH ${AT}/issues/comments/12`, undefined, 'pull-requests: write'],
  [`GET ${AT}/issues/7/comments`, undefined, 'pull-requests: write'],
  [`GET ${AT}/issues/7/comments`, 'issues=read; pull_requests=read', 'pull-requests: write'],
  [`POST ${AT}/check-runs`, undefined, 'checks: write'],
  [`POST ${AT}/deployments/1/statuses`, undefined, 'deployments: write'],
  [`GET ${AT}/commits/main/pulls?per_page=100`, undefined, 'pull-requests: read'],
  [`GET ${AT}/compare/a...b`, undefined, 'contents: read'],
  [`POST ${AT}/git/refs`, undefined, 'contents: write'],
  // GitHub's own words, where they agree with the route and where the route is unknown.
  [`POST ${AT}/issues/7/comments`, 'issues=write; pull_requests=write', 'pull-requests: write'],
  [`POST ${AT}/git/refs`, 'contents=write; contents=write,workflows=write', 'contents: write'],
  [`GET ${AT}/rulesets`, 'administration=read,metadata=read', 'administration: read'],
  [`POST ${AT}/deployments`, 'contents=read, deployments=write', 'contents: read, deployments: write'],
  // Nothing that a workflow could say.
  [`POST ${AT}/check-runs`, 'metadata=read', 'checks: write'],
  [`POST ${AT}/check-runs`, 'anything <script>', 'checks: write'],
  // A name of the repository or of a tag that looks like a route.
  ['POST https://api.github.com/repos/deployments/check-runs/git/refs', undefined, 'contents: write'],
  [`GET ${AT}/git/ref/tags/deployments/1`, undefined, 'contents: read'],
  ['POST https://github.acme.example/api/v3/repos/acme/churn/check-runs', undefined, 'checks: write'],
])('%s, of which GitHub says %s, needs %s', (asked, accepted, needed) => {
  const [method = '', url = ''] = asked.split(' ');
  expect(neededPermissions({ method, url }, accepted)).toBe(needed);
});
