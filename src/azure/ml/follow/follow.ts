import type { JobBase } from '@azure/arm-machinelearning';
import { EdgeloopError, failure, messageOf } from '../../../errors.ts';
import { pause } from '../../../pause.ts';
import type { FinishedJob, ServiceLog } from '../../../training/index.ts';
import { cancelJob } from '../cancel.ts';
import { openDataPlane } from './data-plane.ts';
import { type EndedJob, endedBadly } from './ended-badly.ts';
import { type JobLogs, openJobLogs } from './job-logs.ts';
import { readMetrics } from './metrics.ts';
import { minutesOf } from './run-details.ts';
import { bestTrialOf, pageOf, stateOf } from '../read-job.ts';
import { courseOf } from '../states.ts';
import { watchJob } from './watch-job.ts';
import type { MlWorkspace } from '../workspace.ts';

export interface FollowDeps {
  /** Each line that the job prints, as it comes. */
  onLine(line: string): void;
  log: ServiceLog;
  /** The first wait between two looks; it grows to fifteen times that. Default a second. */
  pollMs?: number;
  /** How long Azure may answer with nothing but errors; default half an hour. */
  patienceMs?: number;
  /** How long a pipeline may take, whose steps alone have limits that the service keeps; default without end. */
  limitMs?: number;
}

const POLL_MS = 1000;
const SLOWEST = 15;
const SLOWER = 1.25;
/** So often the logs of a job that has ended are asked for. */
const LAST_READS = 4;

/**
 * Waits for a job to end, tells each change of its state and each line that it prints. What passes is ridden out: an
 * outage, a token that ends. Throws `training-failed`, `training-timeout`, `training-cancelled-elsewhere`,
 * `training-job-missing`, `training-unreachable`, and the reason of `ml.signal`. Touches no job, except a pipeline that
 * takes longer than `limitMs`, which it cancels.
 */
export async function followJob(ml: MlWorkspace, name: string, deps: FollowDeps): Promise<FinishedJob> {
  const plane = openDataPlane(ml);
  const logs = openJobLogs(ml, name, { plane, onLine: deps.onLine });
  const job = await untilOver(ml, name, deps, logs);
  await readRest(ml, name, job, deps, logs);
  const details = logs.details();
  const minutes = details && minutesOf(details);
  const state = stateOf(job);
  const ended: EndedJob = { name, state, job, details, tail: logs.tail(), page: pageOf(job) };
  if (courseOf(state) === 'ended badly') throw endedBadly(ended);
  const metrics = await readMetrics(ml, bestTrialOf(job) ?? name, plane).catch((error: unknown) => {
    ml.signal?.throwIfAborted();
    if (!(error instanceof EdgeloopError)) throw error;
    deps.log('warn', `the metrics of the job ${name} are not known: ${messageOf(error)}`);
    return {};
  });
  return { name, minutes, metrics };
}

async function untilOver(ml: MlWorkspace, name: string, deps: FollowDeps, logs: JobLogs): Promise<JobBase> {
  const { pollMs = POLL_MS } = deps;
  const watch = watchJob(ml, name, deps);
  const read = tolerant(ml, name, deps, logs);
  let last: JobBase | undefined;
  for (let waitMs = pollMs; ; waitMs = Math.min(waitMs * SLOWER, pollMs * SLOWEST)) {
    const job = await watch.look();
    const isChanged = job !== undefined && (last === undefined || stateOf(last) !== stateOf(job));
    last = job ?? last;
    if (isChanged) deps.log('info', `the job ${name} is ${stateOf(job)}`);
    if (job !== undefined && courseOf(stateOf(job)) !== 'under way') return job;
    if (last !== undefined) await read(last, isChanged);
    if (last !== undefined && isLate(last, logs, deps.limitMs)) throw await endLate(ml, name, deps);
    if (isChanged) waitMs = pollMs;
    await pause(Math.max(waitMs, watch.askedMs()), ml.signal);
  }
}

function isLate({ properties }: JobBase, logs: JobLogs, limitMs = Infinity): boolean {
  const started = logs.details()?.started;
  return properties.jobType === 'Pipeline' && started !== undefined && Date.now() - started > limitMs;
}

async function endLate(ml: MlWorkspace, name: string, { limitMs = 0 }: FollowDeps): Promise<EdgeloopError> {
  const said = await cancelJob(ml, name);
  const ended = said.kind === 'confirmed' ? 'it was cancelled' : `it may still run: ${said.why}`;
  return failure(
    'training-timeout',
    `the pipeline ${name} took longer than ${limitMs / 1000} s, and ${ended}`,
    'Raise "timeout" in edgeloop.yaml.',
  );
}

/** Reads logs as far as that works: they are no reason to give a job up. */
function tolerant(ml: MlWorkspace, name: string, { log }: FollowDeps, logs: JobLogs) {
  let isTroubled = false;
  return async (job: JobBase, isChanged: boolean): Promise<boolean> => {
    const { jobType: type } = job.properties;
    const isOver = courseOf(stateOf(job)) !== 'under way';
    try {
      await logs.read({ type, isOver }, isChanged || isTroubled);
      isTroubled = false;
      return true;
    } catch (error) {
      ml.signal?.throwIfAborted();
      if (!(error instanceof EdgeloopError)) throw error;
      if (!isTroubled) log('warn', `the log of the job ${name} cannot be read now: ${messageOf(error)}`);
      isTroubled = true;
      return false;
    }
  };
}

async function readRest(
  ml: MlWorkspace,
  name: string,
  job: JobBase,
  deps: FollowDeps,
  logs: JobLogs,
): Promise<void> {
  const { pollMs = POLL_MS, log } = deps;
  const read = tolerant(ml, name, deps, logs);
  for (let tries = 1; ; tries++) {
    const isRead = await read(job, true);
    // Run history may learn of the end a moment later than Resource Manager.
    if (isRead && logs.details()?.ended !== undefined) break;
    if (tries === LAST_READS) {
      if (!isRead)
        log('warn', `lines of the job ${name} are missing here; all are at ${pageOf(job) ?? 'its page'}`);
      break;
    }
    await pause(pollMs * 2 ** tries, ml.signal);
  }
  logs.end();
}
