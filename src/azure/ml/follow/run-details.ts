import { z } from 'zod';
import { failure } from '../../../errors.ts';
import { maskSas } from '../../mask.ts';
import { type DataPlane, openDataPlane } from './data-plane.ts';
import type { MlWorkspace } from '../workspace.ts';

/** What run history knows of a job. */
export interface RunDetails {
  state: string | undefined;
  /** Milliseconds since 1970; undefined until it happens. */
  started: number | undefined;
  ended: number | undefined;
  error: { code: string; message: string } | undefined;
  /** Path (`user_logs/std_log.txt`) to a URL with a SAS, of the logs that are for people. */
  logFiles: Record<string, string>;
}

/** A job within a job: a step of a pipeline, a trial of a sweep. */
export interface ChildRun {
  name: string;
  /** What people call it. */
  label: string;
  state: string | undefined;
}

/** The job's own output; `system_logs` are the service's. What older runtimes have goes by other names. */
const FOR_PEOPLE = /^(user_logs|azureml-logs|logs\/azureml)\//;

const text = z.string().nullish();
const innerSchema = z.object({ code: text, innerError: z.unknown().optional() });
// RunDetails and PaginatedRunList of runHistory.json.
const detailsSchema = z.object({
  status: text,
  startTimeUtc: text,
  endTimeUtc: text,
  error: z
    .object({ error: innerSchema.extend({ message: text }).nullish() })
    .nullish()
    .catch(undefined),
  logFiles: z.record(z.string(), z.string()).nullish(),
});
const childrenSchema = z.object({
  value: z.array(z.object({ runId: z.string(), displayName: text, name: text, status: text })).nullish(),
  continuationToken: text,
});

/**
 * Reads what run history tells of a job; `undefined` where it does not know it (yet). Every SAS in it is masked. The
 * path is the one that Microsoft's own client (azure-ai-ml) asks for, without the experiment.
 */
export async function readRunDetails(
  ml: MlWorkspace,
  job: string,
  plane: DataPlane = openDataPlane(ml),
): Promise<RunDetails | undefined> {
  const answer = await plane.get('history', `/runs/${encodeURIComponent(job)}/details`);
  if (answer === undefined) return undefined;
  const { data } = detailsSchema.safeParse(answer);
  if (data === undefined) throw unexpected(job);
  const logFiles = Object.entries(data.logFiles ?? {}).filter(
    ([path, url]) => FOR_PEOPLE.test(path) && URL.canParse(url),
  );
  for (const [, url] of logFiles) maskSas(ml.mask, url);
  return {
    state: data.status ?? undefined,
    started: timeOf(data.startTimeUtc),
    ended: timeOf(data.endTimeUtc),
    error: errorOf(data.error?.error),
    logFiles: Object.fromEntries(logFiles),
  };
}

/** The jobs within a job. */
export async function listChildRuns(
  ml: MlWorkspace,
  job: string,
  plane: DataPlane = openDataPlane(ml),
): Promise<ChildRun[]> {
  const found: ChildRun[] = [];
  let next = '';
  do {
    const answer = await plane.get('history', `/runs/${encodeURIComponent(job)}/children${next}`);
    const { data } = childrenSchema.safeParse(answer ?? {});
    if (data === undefined) throw unexpected(job);
    for (const { runId, displayName, name, status } of data.value ?? [])
      found.push({ name: runId, label: displayName || name || runId, state: status ?? undefined });
    next = data.continuationToken ? `?$continuationtoken=${encodeURIComponent(data.continuationToken)}` : '';
  } while (next !== '');
  return found;
}

/** How long a job ran; undefined where run history does not say. */
export function minutesOf({ started, ended }: Pick<RunDetails, 'started' | 'ended'>): number | undefined {
  return started === undefined || ended === undefined ? undefined : Math.max(0, ended - started) / 60_000;
}

function timeOf(written: string | null | undefined): number | undefined {
  const time = Date.parse(written ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/** With the deepest of its codes: "clients MUST traverse through all of the nested innerErrors" (runHistory.json). */
function errorOf(
  error: (z.infer<typeof innerSchema> & { message?: string | null | undefined }) | null | undefined,
) {
  if (error === null || error === undefined) return undefined;
  let code = error.code ?? '';
  for (let inner = innerSchema.safeParse(error.innerError).data; inner !== undefined;) {
    code = inner.code || code;
    inner = innerSchema.safeParse(inner.innerError).data;
  }
  return { code, message: error.message ?? '' };
}

function unexpected(job: string): Error {
  return failure(
    'azure-answer-unexpected',
    `what run history tells of the job ${job} has another form than described`,
    'Run it again; if it stays so, the service has changed: please report it.',
  );
}
