import { z } from 'zod';
import { endpoint, type GitHubClient, parseAnswer } from './client.ts';

export interface ReportComment {
  pullRequest: number;
  model: string;
  /** At most 65,000 characters: GitHub takes 65,536, with the marker. */
  markdown: string;
}

interface Found {
  /** The oldest first. */
  ours: { id: number; body: string }[];
  /** The last page that there was. */
  page: number;
}

const PER_PAGE = 100;
/** Whom a workflow's own token writes as. */
const AUTHOR = 'github-actions[bot]';
const commentsSchema = z.array(
  z.object({ id: z.number(), body: z.string().nullish(), user: z.object({ login: z.string() }).nullable() }),
);

/**
 * Leaves exactly one comment about a model on a pull request: the one that is there is changed in place, and stays as it
 * is when it says the same. It is known by its hidden first line, and by its author: whoever copies that line keeps what
 * they wrote.
 */
export async function putReportComment(
  client: GitHubClient,
  { pullRequest, model, markdown }: ReportComment,
): Promise<void> {
  const { at } = client;
  const marker = `<!-- edgeloop report ${model} -->`;
  const body = `${marker}\n${markdown.trim()}`;
  let found = await findOurs(client, pullRequest, marker, 1);
  if (found.ours.length === 0) {
    const route = 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments';
    await client.send(endpoint(route, { ...at, issue_number: pullRequest, body }));
    // A try whose answer got lost, or another run, may have made one as well. New ones are at the end.
    found = await findOurs(client, pullRequest, marker, found.page);
  }
  const [kept, ...others] = found.ours;
  if (kept !== undefined && kept.body !== body) {
    const route = 'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}';
    await client.send(endpoint(route, { ...at, comment_id: kept.id, body }));
  }
  for (const { id } of others) {
    const route = 'DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}';
    // Gone is as good.
    await client.send(endpoint(route, { ...at, comment_id: id }), [404]);
  }
}

async function findOurs(
  client: GitHubClient,
  issue_number: number,
  marker: string,
  from: number,
): Promise<Found> {
  const ours: Found['ours'] = [];
  for (let page = from; ; page++) {
    const route = 'GET /repos/{owner}/{repo}/issues/{issue_number}/comments';
    const request = endpoint(route, { ...client.at, issue_number, per_page: PER_PAGE, page });
    const listed = parseAnswer(commentsSchema, await client.send(request));
    for (const { id, body, user } of listed) {
      if (user?.login === AUTHOR && body?.split(/\r?\n/, 1)[0] === marker) ours.push({ id, body });
    }
    if (listed.length < PER_PAGE) return { ours, page };
  }
}
