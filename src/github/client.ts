import { endpoint } from '@octokit/endpoint';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { http, isTransient } from '../http.ts';
import { askedIn, gitHubFailure, isRateLimited, jsonOf, waitSeconds } from './failures.ts';

export interface GitHubSettings {
  /** `https://api.github.com`, or `https://HOST/api/v3` of a GitHub Enterprise Server. */
  api: string;
  /** `OWNER/REPO`. */
  repository: string;
  token: string;
  signal?: AbortSignal;
}

/** One request, as `endpoint` makes it from a route of GitHub's description. */
export interface GitHubRequest {
  method: string;
  url: string;
  headers: object;
  body?: unknown;
}

export interface GitHubAnswer {
  status: number;
  body: unknown;
  /** What was asked, for messages. */
  asked: string;
}

/** GitHub's REST API for one repository. */
export interface GitHubClient {
  repository: string;
  /** What every request of `endpoint` has: where the API is, which repository, who asks. */
  at: { baseUrl: string; owner: string; repo: string; headers: Record<string, string> };
  signal: AbortSignal | undefined;
  /**
   * Sends a request; a status of 300 or more that is not in `expected` is a coded failure. It is sent again after a
   * network error or a 5xx, whatever its method: the caller must have one that may arrive twice.
   */
  send(request: GitHubRequest, expected?: readonly number[]): Promise<GitHubAnswer>;
}

/** A rate limit that ends sooner is waited for. */
const LONGEST_WAIT_S = 30;
const METHODS = ['GET', 'POST', 'PATCH', 'DELETE'] as const;

export function openGitHub({ api, repository, token, signal }: GitHubSettings): GitHubClient {
  const [owner = '', repo = ''] = repository.split('/');
  const headers = {
    accept: 'application/vnd.github+json',
    authorization: `Bearer ${token}`,
    'user-agent': 'edgeloop',
    'x-github-api-version': '2022-11-28',
  };
  return {
    repository,
    at: { baseUrl: api, owner, repo, headers },
    signal,
    async send(request, expected = []) {
      const method = METHODS.find((known) => known === request.method);
      if (method === undefined) throw new Error(`no request of ours is a ${request.method}`);
      const answer = await http(request.url, {
        method,
        headers: Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
        ),
        ...(request.body !== undefined && { body: request.body }),
        ...(signal && { signal }),
        timeoutMs: 30_000,
        retries: 2,
        anyStatus: true,
        // GitHub asks nobody to come back before the time that it names.
        isTransient: (status, given) =>
          isRateLimited(status, given)
            ? (waitSeconds(given) ?? Infinity) <= LONGEST_WAIT_S
            : isTransient(status),
        waitMs(status, given) {
          const seconds = isRateLimited(status, given) ? waitSeconds(given) : undefined;
          return seconds === undefined ? undefined : seconds * 1000;
        },
      });
      const isExpected = answer.status < 300 || expected.includes(answer.status);
      if (!isExpected || isRateLimited(answer.status, answer.headers))
        throw gitHubFailure(repository, request, answer);
      return { status: answer.status, body: jsonOf(answer.body), asked: askedIn(request) };
    },
  };
}

/** What an answer says; throws `github-answer-invalid` for one that is not what GitHub describes. */
export function parseAnswer<S extends z.ZodType>(schema: S, { asked, body }: GitHubAnswer): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw failure(
    'github-answer-invalid',
    `the answer to ${asked} is not what GitHub describes`,
    'Check GITHUB_API_URL, and that no proxy answers in its place.',
    { cause: new Error(z.prettifyError(parsed.error)) },
  );
}

export { endpoint };
