import { endpoint, type GitHubClient } from './client.ts';

export interface CheckRun {
  name: string;
  headSha: string;
  conclusion: 'success' | 'failure';
  title: string;
  /** Markdown, at most 65,535 bytes. */
  summary: string;
  /** The page that has more of it. */
  detailsUrl: string | undefined;
}

/** Adds a check that has ended to a commit. Of several with one name GitHub counts the last one. */
export async function addCheckRun(
  client: GitHubClient,
  { name, headSha, conclusion, title, summary, detailsUrl }: CheckRun,
): Promise<void> {
  const request = endpoint('POST /repos/{owner}/{repo}/check-runs', {
    ...client.at,
    name,
    head_sha: headSha,
    status: 'completed',
    conclusion,
    output: { title, summary },
    ...(detailsUrl !== undefined && { details_url: detailsUrl }),
  });
  await client.send(request);
}
