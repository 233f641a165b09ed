import type { OwnJob } from '../../azure/ml/list-own-jobs.ts';
import { EdgeloopError, messageOf } from '../../errors.ts';
import { identify } from '../identify.ts';
import { openWorkspace } from '../open-workspace.ts';
import type { LoopDeps, Workspace } from '../workspace.ts';
import type { Check } from './check.ts';

const HOUR_MS = 3_600_000;
/** No runner of GitHub waits longer for a job of its own; who waits longer elsewhere trains longer than that. */
const LONGEST_WAIT_MS = 24 * HOUR_MS;

/** A job of ours that is under way, and whether anybody can still want it. */
export interface JudgedJob {
  job: OwnJob;
  isLeft: boolean;
  why: string;
}

/** What this project asks for, as it is checked out. */
export interface Wanted {
  /** By model: the input key, or why it is not known. */
  keys: Map<string, { inputKey: string } | { unknown: string }>;
  /** By model: how long a training may take. */
  timeouts: Map<string, number>;
}

/**
 * Whether nobody waits for a job: it trains a model of this project, with other inputs than are checked out here, and was
 * submitted longer ago than anybody waits: a day and its training's time-out. Where any of this is not known it is kept:
 * a job that is cancelled wrongly costs a training, one that is kept wrongly ends by its own time-out.
 */
export function judgeJob(job: OwnJob, { keys, timeouts }: Wanted, now: Date): JudgedJob {
  const kept = (why: string): JudgedJob => ({ job, isLeft: false, why });
  const known = keys.get(job.model);
  if (known === undefined) return kept('this project has no such model: another one may wait for it');
  if ('unknown' in known) return kept(`what would be trained now is not known: ${known.unknown}`);
  if (known.inputKey === job.inputKey)
    return kept('these inputs are checked out here: the next retrain takes it up');
  if (job.since === undefined) return kept('Azure does not say when it was submitted');
  const age = now.getTime() - job.since.getTime();
  const limit = LONGEST_WAIT_MS + (timeouts.get(job.model) ?? 0);
  if (age < limit)
    return kept(`submitted ${hours(age)} ago: until ${hours(limit)} a branch or workflow may wait for it`);
  return {
    job,
    isLeft: true,
    why: `submitted ${hours(age)} ago, for other inputs than are checked out here`,
  };
}

export interface Sweep {
  jobs: JudgedJob[];
  /** Cancels these, and tells what came of each. */
  cancel(jobs: readonly OwnJob[]): Promise<Check[]>;
}

/** Lists our jobs that are under way in the project's workspace of Azure ML. Throws `azure-required`. */
export async function openSweep(deps: LoopDeps): Promise<Sweep> {
  const workspace = await openWorkspace(deps);
  const ml = await workspace.azure();
  const [{ listOwnJobs }, { cancelJob }] = await Promise.all([
    import('../../azure/ml/list-own-jobs.ts'),
    import('../../azure/ml/cancel.ts'),
  ]);
  const [jobs, wanted] = await Promise.all([listOwnJobs(ml), whatIsWanted(workspace)]);
  const now = deps.now();
  return {
    jobs: jobs.map((job) => judgeJob(job, wanted, now)),
    cancel: (chosen) =>
      Promise.all(
        chosen.map(async ({ name, model, page }): Promise<Check> => {
          const what = `${name} (${model})`;
          const outcome = await cancelJob(ml, name, { limitMs: 30_000 });
          if (outcome.kind === 'confirmed')
            return { code: 'job-cancelled', status: 'ok', message: `${what} is ${outcome.state}` };
          return {
            code: 'job-not-cancelled',
            status: 'fail',
            message: `${what}: ${outcome.why}`,
            mend: `Cancel it yourself: az ml job cancel --name ${name}${page === undefined ? '' : `, or ${page}`}`,
          };
        }),
      ),
  };
}

async function whatIsWanted(workspace: Workspace): Promise<Wanted> {
  const { models } = workspace.config;
  const keys: Wanted['keys'] = new Map();
  for (const model of Object.keys(models)) keys.set(model, await keyOf(workspace, model));
  const timeouts = new Map(Object.entries(models).map(([model, { train }]) => [model, train.timeout]));
  return { keys, timeouts };
}

async function keyOf(
  workspace: Workspace,
  model: string,
): Promise<{ inputKey: string } | { unknown: string }> {
  try {
    return { inputKey: (await identify(workspace, model)).inputKey };
  } catch (error) {
    workspace.deps.signal.throwIfAborted();
    if (!(error instanceof EdgeloopError)) throw error;
    return { unknown: messageOf(error) };
  }
}

function hours(ms: number): string {
  return `${Math.floor(ms / HOUR_MS)} h`;
}

/** A job as a check shows it. */
export function checkOf({ job, isLeft, why }: JudgedJob): Check {
  const { name, model, state, page } = job;
  const message = `${name} (${model}, ${state}): ${why}`;
  if (!isLeft) return { code: 'job-under-way', status: 'ok', message };
  const look = page === undefined ? '' : ` Look at it: ${page}`;
  return {
    code: 'job-left',
    status: 'warn',
    message,
    mend: `edgeloop doctor --sweep --yes cancels it.${look}`,
  };
}
