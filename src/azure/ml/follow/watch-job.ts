import type { JobBase } from '@azure/arm-machinelearning';
import { isRestError } from '@azure/core-rest-pipeline';
import { EdgeloopError, failure, messageOf } from '../../../errors.ts';
import { isTransient, retryWaitMs } from '../../../http.ts';
import type { ServiceLog } from '../../../training/index.ts';
import { reopened } from '../reopened.ts';
import type { MlWorkspace } from '../workspace.ts';

export interface JobWatch {
  /**
   * The job as it is now; undefined when Azure could not say it this time. Throws `training-job-missing`,
   * `training-unreachable` when nothing but errors came for too long, and what no further try would change.
   */
  look(): Promise<JobBase | undefined>;
  /** Milliseconds that Azure has asked us to wait before the next look. */
  askedMs(): number;
}

interface WatchDeps {
  log: ServiceLog;
  /** How long it may answer with nothing but errors; default half an hour. */
  patienceMs?: number;
}

const PATIENCE_MS = 30 * 60_000;

/** Looks at a job again and again, and rides out what passes. */
export function watchJob(
  ml: MlWorkspace,
  name: string,
  { log, patienceMs = PATIENCE_MS }: WatchDeps,
): JobWatch {
  let arm = ml;
  let answered = performance.now();
  let isTroubled = false;
  let askedMs = 0;
  const ask = async ({ client, at }: MlWorkspace) => client.jobs.get(...at, name);
  const askTwice = async (): Promise<JobBase> => {
    try {
      return await ask(arm);
    } catch (error) {
      if (!isRestError(error) || error.statusCode !== 401) throw error;
      // The client keeps its token until that ends by the clock of this machine; a new one asks for a new token.
      arm = reopened(ml, ml.signal);
      return ask(arm);
    }
  };
  return {
    askedMs: () => askedMs,
    async look() {
      try {
        const job = await askTwice();
        answered = performance.now();
        askedMs = 0;
        if (isTroubled) log('info', `Azure tells of the job ${name} again`);
        isTroubled = false;
        return job;
      } catch (error) {
        ml.signal?.throwIfAborted();
        const meant = await meaningOf(ml, name, error);
        if (!mayPass(error, meant)) throw meant;
        if (performance.now() - answered > patienceMs) throw unreachable(name, patienceMs, meant);
        if (!isTroubled)
          log('warn', `Azure does not tell of the job ${name}: ${messageOf(meant)}; asking on`);
        isTroubled = true;
        askedMs = waitOf(error);
        return undefined;
      }
    },
  };
}

/** What an error means, as a failure that names the mend. */
async function meaningOf(ml: MlWorkspace, name: string, error: unknown): Promise<unknown> {
  try {
    await ml.finding(`reading the job ${name}`, () => Promise.reject(error));
  } catch (meant) {
    return meant;
  }
  return failure(
    'training-job-missing',
    `the workspace "${ml.settings.workspace}" has no job ${name}`,
    'Somebody deleted it: run the same command again, which submits another one.',
  );
}

function mayPass(error: unknown, meant: unknown): boolean {
  if (isRestError(error)) {
    const { statusCode: status } = error;
    // Below 300: what stands between has answered with a page.
    if (status !== undefined) return isTransient(status) || status < 300;
    return meant instanceof EdgeloopError && meant.code === 'http-failed';
  }
  // Entra may be out of reach for a while too; what it refuses for good ends with our patience.
  const passing = ['azure-no-identity', 'azure-identity-failed', 'azure-token-timeout', 'http-failed'];
  return error instanceof EdgeloopError && passing.includes(error.code);
}

function waitOf(error: unknown): number {
  const headers = isRestError(error) ? error.response?.headers.toJSON() : undefined;
  return headers?.['retry-after'] === undefined ? 0 : retryWaitMs(1, headers);
}

function unreachable(name: string, patienceMs: number, last: unknown): Error {
  return failure(
    'training-unreachable',
    `nothing but errors came from Azure for ${Math.round(patienceMs / 60_000)} minutes while the job ${name} was followed, the last: ${messageOf(last)}`,
    'The job runs on. Run the same command again when Azure can be reached: it goes on with this job.',
    { cause: last },
  );
}
