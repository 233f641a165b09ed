import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Answer, type Asked, field, object } from './answer.ts';
import { hasEnded, type Job } from './job.ts';

/** Run history and MLflow of a workspace's region. */
export interface DataPlane {
  /** `undefined` for what is neither. */
  answer(asked: Asked, jobs: Map<string, Job>): Answer | undefined;
  /** The content of a log, for whom the URL says so; `range` is that header. */
  log(url: URL, range: string | undefined, jobs: Map<string, Job>): LogAnswer | undefined;
}

export interface LogAnswer {
  status: number;
  headers: Record<string, string>;
  bytes: Buffer;
}

const LOG = 'user_logs/std_log.txt';
/** What the service itself writes; nobody streams it. */
const SYSTEM_LOG = 'system_logs/lifecycler/lifecycler.log';

/** `urlLivesMs`: how long the URL of a log is good for. */
export function openDataPlane(workspaceId: string, pageSize: number, urlLivesMs: () => number): DataPlane {
  const secret = randomBytes(32);
  const signed = (path: string, expires: string) =>
    createHmac('sha256', secret).update(`${path}\n${expires}`).digest('base64');
  const logUrl = (url: string, job: Job, file: string): string => {
    const path = `/azureml/ExperimentRun/dcid.${job.name}/${file}`;
    const expires = new Date(Date.now() + urlLivesMs()).toISOString();
    const query = new URLSearchParams({
      sv: '2021-08-06',
      sr: 'b',
      se: expires,
      sp: 'r',
      sig: signed(path, expires),
    });
    return `${url}${path}?${query}`;
  };

  const details = (url: string, job: Job): object => ({
    ...run(job),
    runDefinition: {},
    logFiles:
      job.startedAt === undefined && job.log.length === 0
        ? {}
        : { [SYSTEM_LOG]: logUrl(url, job, SYSTEM_LOG), [LOG]: logUrl(url, job, LOG) },
  });

  const history = (asked: Asked, jobs: Map<string, Job>, rest: string): Answer => {
    const [, name = '', what] =
      /^(?:\/experiment(?:s|ids)\/[^/]+)?\/runs\/([^/]+)(?:\/(details|children))?$/.exec(rest) ?? [];
    const job = jobs.get(decodeURIComponent(name));
    if (job === undefined) return historyError(404, `Run ${name} was not found`);
    if (what === 'children') {
      const children = Array.from(jobs.values()).filter(({ parent }) => parent === job.name);
      const from = Number(asked.query.get('$continuationtoken') ?? 0);
      const to = from + Number(asked.query.get('$top') ?? pageSize);
      const next = { continuationToken: String(to) };
      const value = children.slice(from, to).map(run);
      return { status: 200, body: { value, ...(to < children.length && next) } };
    }
    return { status: 200, body: what === 'details' ? details(asked.url, job) : run(job) };
  };

  return {
    answer(asked, jobs) {
      const [, area, at] = /^\/(history|mlflow)\/v1\.0(\/.*)$/.exec(asked.path) ?? [];
      if (area === undefined || at === undefined) return undefined;
      if (!at.toLowerCase().startsWith(`${workspaceId.toLowerCase()}/`))
        return historyError(404, 'The workspace was not found');
      const rest = at.slice(workspaceId.length);
      return area === 'history' ? history(asked, jobs, rest) : mlflow(asked, jobs, rest);
    },
    log(url, range, jobs) {
      const [, name = '', file = ''] =
        /^\/azureml\/ExperimentRun\/dcid\.([^/]+)\/(.+)$/.exec(url.pathname) ?? [];
      const job = jobs.get(name);
      if (job === undefined) return undefined;
      const expires = url.searchParams.get('se') ?? '';
      const given = Buffer.from(url.searchParams.get('sig') ?? '');
      const right = Buffer.from(signed(url.pathname, expires));
      const good = given.length === right.length && timingSafeEqual(given, right);
      if (!good || new Date(expires).getTime() < Date.now()) return blobError(403, 'AuthenticationFailed');
      const log = file === LOG ? job.log : Buffer.from(`${job.createdAt.toISOString()} lifecycler\n`);
      return ranged(log, range);
    },
  };
}

/** A run, as run history lists it. */
const run = (job: Job): object => ({
  runId: job.name,
  target: 'cpu',
  status: job.shown ?? job.status,
  ...(job.parent !== undefined && { parentRunId: job.parent }),
  ...(job.startedAt !== undefined && { startTimeUtc: job.startedAt.toISOString() }),
  ...(job.endedAt !== undefined && { endTimeUtc: job.endedAt.toISOString() }),
  ...(job.error !== undefined && { error: { error: job.error } }),
  properties: object(job.properties['properties']),
  tags: object(job.properties['tags']),
  revision: 1,
});

function historyError(status: number, message: string): Answer {
  return { status, body: { error: { code: 'UserError', message } } };
}

function blobError(status: number, code: string): LogAnswer {
  const bytes = Buffer.from(`<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code></Error>`);
  return { status, headers: { 'content-type': 'application/xml', 'x-ms-error-code': code }, bytes };
}

/** As Blob Storage does it: a range from the end on is 416. */
function ranged(bytes: Buffer, range: string | undefined): LogAnswer {
  const headers = { 'content-type': 'text/plain', 'accept-ranges': 'bytes', 'x-ms-blob-type': 'AppendBlob' };
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  if (first === undefined) return { status: 200, headers, bytes };
  const from = Number(first);
  if (from >= bytes.length) return blobError(416, 'InvalidRange');
  const to = last === undefined || last === '' ? bytes.length - 1 : Math.min(Number(last), bytes.length - 1);
  const contentRange = `bytes ${from}-${to}/${bytes.length}`;
  return {
    status: 206,
    headers: { ...headers, 'content-range': contentRange },
    bytes: bytes.subarray(from, to + 1),
  };
}

const MLFLOW_STATUS: Record<string, string> = {
  Completed: 'FINISHED',
  Failed: 'FAILED',
  Canceled: 'KILLED',
  Running: 'RUNNING',
  Finalizing: 'RUNNING',
};

const absent = (message: string): Answer => ({
  status: 404,
  body: { error_code: 'RESOURCE_DOES_NOT_EXIST', message },
});

function mlflow(asked: Asked, jobs: Map<string, Job>, rest: string): Answer {
  const id = asked.query.get('run_id') ?? asked.query.get('run_uuid') ?? '';
  const job = jobs.get(id);
  if (job === undefined) return absent(`Run ${id} not found`);
  if (rest === '/api/2.0/mlflow/metrics/get-history') {
    const key = asked.query.get('metric_key');
    return { status: 200, body: { metrics: job.metrics.filter((metric) => metric.key === key) } };
  }
  if (rest !== '/api/2.0/mlflow/runs/get') return absent(`${rest} is not here`);
  const last = new Map(job.metrics.map((metric) => [metric.key, metric]));
  const tags = Object.entries(object(job.properties['tags'])).map(([key, value]) => ({ key, value }));
  return {
    status: 200,
    body: {
      run: {
        info: {
          run_id: job.name,
          run_uuid: job.name,
          experiment_id: '00000000-0000-4000-8000-000000000004',
          status: MLFLOW_STATUS[job.status] ?? 'SCHEDULED',
          ...(job.startedAt !== undefined && { start_time: job.startedAt.getTime() }),
          ...(job.endedAt !== undefined && hasEnded(job) && { end_time: job.endedAt.getTime() }),
          artifact_uri: `azureml://experiments/${String(field(job.properties, 'experimentName'))}/runs/${job.name}/artifacts`,
          lifecycle_stage: 'active',
        },
        data: { metrics: [...last.values()], params: [], tags },
      },
    },
  };
}
