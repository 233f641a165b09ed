import { z } from 'zod';
import { type EdgeloopError, failure } from '../errors.ts';
import type { HttpAnswer, HttpHeaders } from '../http.ts';
import { neededPermissions } from './permissions.ts';

const refusalSchema = z.object({
  message: z.string(),
  errors: z
    .array(z.union([z.string(), z.object({ message: z.string().optional(), code: z.string().optional() })]))
    .optional(),
});

/** No `permissions` of a workflow has "workflows" (github/docs, "Create a reference"; vercel/next.js#94596). */
const WITHOUT_WORKFLOWS =
  '. If it has that: GitHub lets the token of a workflow tag no commit whose .github/workflows differ from those at the tip of every branch, such as an older release: run the verb in a clone, with an account of your own';

/**
 * True for an answer that means "too often" (GitHub, "Rate limits for the REST API"): a 429, or a 403 that says when to
 * come back or that nothing is left.
 */
export function isRateLimited(status: number, headers: HttpHeaders): boolean {
  if (status === 429) return true;
  return status === 403 && (headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0');
}

/** Seconds that GitHub asks to wait; `undefined` when it does not say, which means a minute at least. */
export function waitSeconds(headers: HttpHeaders): number | undefined {
  const after = Number(headers['retry-after'] ?? Number.NaN);
  if (!Number.isNaN(after)) return after;
  // Every answer has the end of the primary limit; it says something only where that one is used up.
  if (headers['x-ratelimit-remaining'] !== '0') return undefined;
  const reset = Number(headers['x-ratelimit-reset'] ?? Number.NaN);
  return Number.isNaN(reset) ? undefined : Math.max(0, reset - Date.now() / 1000);
}

/** What an answer that nobody expected means; never with the token in it. */
export function gitHubFailure(
  repository: string,
  request: { method: string; url: string },
  { status, headers, body }: HttpAnswer,
): EdgeloopError {
  const what = askedIn(request);
  const words = wordsOf(body);
  const accepted = headers['x-accepted-github-permissions'];
  const permission = neededPermissions(request, accepted);
  // A secondary limit need not name a time; then its words alone tell it from a missing permission.
  const isSecondary = status === 403 && /secondary rate limit/i.test(words);
  if (isRateLimited(status, headers) || isSecondary) return rateLimited(repository, waitSeconds(headers));
  if (status === 401) {
    return failure(
      'github-token-refused',
      `GitHub does not take the token for ${repository} (${what} answered 401${words})`,
      'Set GITHUB_TOKEN to one that is valid; in a workflow: env: GITHUB_TOKEN: ${{ github.token }}',
    );
  }
  if (status === 403) {
    const asked = typeof accepted === 'string' ? `, which asks for ${accepted}` : '';
    const workflows = asked.includes('workflows=write') ? WITHOUT_WORKFLOWS : '';
    return failure(
      'github-permission-missing',
      `the token may not do this in ${repository}: ${what} answered 403${words}${asked}`,
      `Give the token the permission; in a workflow, for the job: permissions: { ${permission} }${workflows}`,
    );
  }
  if (status === 404) {
    return failure(
      'github-not-found',
      `GitHub has no ${repository}, or does not show it to this token (${what} answered 404)`,
      `Check GITHUB_REPOSITORY, and that the token has the permission ${permission}.`,
    );
  }
  return failure(
    status >= 500 ? 'github-unavailable' : 'github-refused',
    `GitHub answered ${status} to ${what}${words}`,
    status >= 500
      ? 'See https://www.githubstatus.com, and run the same command again.'
      : 'Do what it says, then run the same command again.',
  );
}

function rateLimited(repository: string, seconds: number | undefined): EdgeloopError {
  // Where it names no time, GitHub's own pages ask for a minute.
  const when = new Date(Date.now() + (seconds ?? 60) * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  return failure(
    'github-rate-limited',
    `GitHub takes no more requests for ${repository} from this token until ${when}`,
    `Run the same command again after ${when}; it goes on where this one stopped.`,
  );
}

function wordsOf(body: Buffer): string {
  const parsed = refusalSchema.safeParse(jsonOf(body));
  if (!parsed.success) return '';
  const { message, errors = [] } = parsed.data;
  const details = errors.flatMap((error) => {
    const text = typeof error === 'string' ? error : (error.message ?? error.code);
    return text === undefined ? [] : [text];
  });
  return `: ${[message, ...details].join('; ')}`;
}

/** A request as a message shows it. */
export function askedIn({ method, url }: { method: string; url: string }): string {
  return `${method} ${url.replace(/\?.*/s, '')}`;
}

/** A body as JSON; `undefined` for a page of a proxy. */
export function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
