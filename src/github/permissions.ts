const COMMENTS = /^\/issues\/(\d+\/)?comments/;

/** What a workflow calls the permission that a route needs; `contents` for all others. */
const BY_ROUTE: [RegExp, string][] = [
  // Commenting on a pull request takes this one, though it goes through the route for issues.
  [COMMENTS, 'pull-requests'],
  [/^\/commits\/[^/]+\/pulls$/, 'pull-requests'],
  [/^\/check-runs/, 'checks'],
  [/^\/deployments/, 'deployments'],
];

/**
 * The permissions that a request needs, as a workflow writes them: `pull-requests: write`. GitHub's header
 * `x-accepted-github-permissions` says it best: `;` between alternatives, `,` between what is needed together.
 */
export function neededPermissions(
  { method, url }: { method: string; url: string },
  accepted?: string | string[],
): string {
  const path = (URL.parse(url)?.pathname ?? '').replace(/^.*?\/repos\/[^/]+\/[^/]+/, '');
  const scope = BY_ROUTE.find(([route]) => route.test(path))?.[1] ?? 'contents';
  const alternatives = String(accepted ?? '')
    .split(';')
    .map(readSet)
    .filter((set) => set.length > 0);
  const chosen =
    alternatives.find((set) => set.some((one) => one.startsWith(`${scope}:`))) ?? alternatives[0];
  const needed = (chosen ?? [`${scope}: ${method === 'GET' ? 'read' : 'write'}`]).join(', ');
  // Comments are listed to write one: who may not even list them is told the whole of it at once.
  return COMMENTS.test(path) ? needed.replace(': read', ': write') : needed;
}

function readSet(text: string): string[] {
  return text.split(',').flatMap((one) => {
    const [, name = '', level = ''] = /^\s*([a-z_]+)=(read|write)\s*$/.exec(one) ?? [];
    // Every token has `metadata`, and no workflow can name it.
    return name === '' || name === 'metadata' ? [] : [`${name.replaceAll('_', '-')}: ${level}`];
  });
}
