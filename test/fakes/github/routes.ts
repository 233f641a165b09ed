import type { BareRepository } from './bare-repository.ts';

/** A request that fits the description, as a route answers it. */
export interface Asked {
  repository: BareRepository;
  /** Address of the repository in the API, for links. */
  api: string;
  parameters: Record<string, string>;
  query: URLSearchParams;
  /** The body, which the description has checked. */
  body: unknown;
}

export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/** By the route's name in the description: `GET /repos/{owner}/{repo}/git/tags/{tag_sha}`. */
export type Routes = Record<string, (asked: Asked) => Promise<Answer>>;

export const NOT_FOUND: Answer = {
  status: 404,
  body: { message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' },
};

/** GitHub's 422. */
export function invalid(message: string, errors?: object[]): Answer {
  return {
    status: 422,
    body: { message, documentation_url: 'https://docs.github.com/rest', ...(errors && { errors }) },
  };
}

/** What node ids look like does not matter to anybody. */
export function nodeId(of: string): string {
  return Buffer.from(of).toString('base64url');
}
