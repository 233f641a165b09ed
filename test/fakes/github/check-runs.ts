import { z } from 'zod';
import { invalid, nodeId, type Routes } from './routes.ts';

export interface StoredCheckRun {
  id: number;
  name: string;
  headSha: string;
  status: string;
  conclusion: string | null;
  title: string | null;
  summary: string | null;
  detailsUrl: string | null;
  at: string;
}

const REPOSITORY = '/repos/{owner}/{repo}';
const writtenSchema = z.object({
  name: z.string(),
  head_sha: z.string(),
  status: z.string().default('queued'),
  conclusion: z.string().nullable().default(null),
  details_url: z.string().nullable().default(null),
  output: z.object({ title: z.string(), summary: z.string() }).optional(),
});

export function checkRunRoutes(all: StoredCheckRun[]): Routes {
  return {
    [`POST ${REPOSITORY}/check-runs`]: async ({ repository, api, body }) => {
      const written = writtenSchema.parse(body);
      const { name, head_sha: headSha, status, conclusion, details_url: detailsUrl, output } = written;
      if ((await repository.typeOf(headSha)) !== 'commit')
        return invalid(`No commit found for SHA: ${headSha}`);
      const { title, summary } = output ?? { title: null, summary: null };
      const at = new Date().toISOString();
      const run = { id: all.length + 1, name, headSha, status, conclusion, title, summary, detailsUrl, at };
      all.push(run);
      return { status: 201, body: shown(api, run) };
    },

    [`GET ${REPOSITORY}/commits/{ref}/check-runs`]: async ({ repository, api, parameters }) => {
      const head = await repository.ask(['rev-parse', `${parameters['ref']}^{commit}`]);
      // The latest of each name, as GitHub lists them by default.
      const latest = new Map(all.filter(({ headSha }) => headSha === head).map((run) => [run.name, run]));
      const runs = [...latest.values()].map((run) => shown(api, run));
      return { status: 200, body: { total_count: runs.length, check_runs: runs } };
    },
  };
}

function shown(api: string, run: StoredCheckRun): object {
  const url = `${api}/check-runs/${run.id}`;
  return {
    id: run.id,
    node_id: nodeId(`check run ${run.id}`),
    head_sha: run.headSha,
    name: run.name,
    url,
    html_url: null,
    details_url: run.detailsUrl,
    external_id: null,
    status: run.status,
    conclusion: run.conclusion,
    started_at: run.at,
    completed_at: run.conclusion === null ? null : run.at,
    check_suite: { id: 1 },
    output: {
      title: run.title,
      summary: run.summary,
      text: null,
      annotations_count: 0,
      annotations_url: `${url}/annotations`,
    },
    app: null,
    pull_requests: [],
  };
}
