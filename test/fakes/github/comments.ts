import { z } from 'zod';
import type { StoredPullRequest } from './pull-requests.ts';
import { type Answer, type Asked, invalid, nodeId, NOT_FOUND, type Routes } from './routes.ts';
import { BOT, pageOf, user } from './shown.ts';

export interface StoredComment {
  id: number;
  pullRequest: number;
  author: string;
  body: string;
  at: string;
}

export interface StoredComments {
  /** The oldest first. */
  all: StoredComment[];
  /** Writes one as somebody. */
  say(pullRequest: number, author: string, body: string): StoredComment;
}

export function newComments(): StoredComments {
  const all: StoredComment[] = [];
  let id = 0;
  return {
    all,
    say(pullRequest, author, body) {
      const comment = { id: ++id, pullRequest, author, body, at: new Date().toISOString() };
      all.push(comment);
      return comment;
    },
  };
}

const ISSUES = '/repos/{owner}/{repo}/issues';
const LONGEST = 65_536;
const bodySchema = z.object({ body: z.string() });

/** Comments on pull requests: GitHub takes them for issues here. */
export function commentRoutes(comments: StoredComments, pullRequests: readonly StoredPullRequest[]): Routes {
  const isThere = ({ parameters }: Asked) =>
    pullRequests.some(({ number }) => String(number) === parameters['issue_number']);
  const ofIssue = ({ parameters }: Asked) =>
    comments.all.filter(({ pullRequest }) => String(pullRequest) === parameters['issue_number']);
  const find = ({ parameters }: Asked) =>
    comments.all.find(({ id }) => String(id) === parameters['comment_id']);

  return {
    [`GET ${ISSUES}/{issue_number}/comments`]: async (asked) => {
      if (!isThere(asked)) return NOT_FOUND;
      const listed = pageOf(ofIssue(asked), asked.query);
      return { status: 200, body: listed.map((comment) => shown(asked.api, comment)) };
    },

    [`POST ${ISSUES}/{issue_number}/comments`]: async (asked) => {
      if (!isThere(asked)) return NOT_FOUND;
      const { body } = bodySchema.parse(asked.body);
      if (body.length > LONGEST) return tooLong();
      const comment = comments.say(Number(asked.parameters['issue_number']), BOT, body);
      return { status: 201, body: shown(asked.api, comment) };
    },

    [`PATCH ${ISSUES}/comments/{comment_id}`]: async (asked) => {
      const comment = find(asked);
      if (comment === undefined) return NOT_FOUND;
      const { body } = bodySchema.parse(asked.body);
      if (body.length > LONGEST) return tooLong();
      comment.body = body;
      return { status: 200, body: shown(asked.api, comment) };
    },

    [`DELETE ${ISSUES}/comments/{comment_id}`]: async (asked) => {
      const comment = find(asked);
      if (comment === undefined) return NOT_FOUND;
      comments.all.splice(comments.all.indexOf(comment), 1);
      return { status: 204, body: undefined };
    },
  };
}

function tooLong(): Answer {
  return invalid('Validation Failed', [
    { resource: 'IssueComment', code: 'unprocessable', message: `Body is too long (maximum is ${LONGEST})` },
  ]);
}

function shown(api: string, { id, pullRequest, author, body, at }: StoredComment): object {
  return {
    id,
    node_id: nodeId(`comment ${id}`),
    url: `${api}/issues/comments/${id}`,
    html_url: `${api}/pull/${pullRequest}#issuecomment-${id}`,
    issue_url: `${api}/issues/${pullRequest}`,
    body,
    user: user(api, author),
    created_at: at,
    updated_at: at,
  };
}
