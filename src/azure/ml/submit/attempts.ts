import type { JobBase } from '@azure/arm-machinelearning';
import { failure } from '../../../errors.ts';
import type { ServiceTraining } from '../../../training/index.ts';
import { openDataPlane } from '../follow/data-plane.ts';
import { jobName, ML_TAG } from '../job-names.ts';
import { minutesOf, readRunDetails } from '../follow/run-details.ts';
import { courseOf } from '../states.ts';
import type { MlWorkspace } from '../workspace.ts';

/** What there is of a training in the workspace. */
export interface Attempts {
  /** The name of the one that runs or has ended well, or of the one to be made. */
  name: string;
  /** Undefined when there is none that is not lost. */
  job: JobBase | undefined;
  /** Names of those that failed or were cancelled. */
  lost: string[];
}

type Trained = Pick<ServiceTraining, 'model' | 'inputKey'>;

/** Looks for the attempts at a training, which are named by its input key, one after the other. */
export async function findAttempts(ml: MlWorkspace, { model, inputKey }: Trained): Promise<Attempts> {
  const lost: string[] = [];
  for (;;) {
    const name = jobName(model, inputKey, lost.length + 1);
    const job = await findOwnJob(ml, name, { model, inputKey });
    const isLost = job !== undefined && courseOf(job.properties.status ?? '') === 'ended badly';
    if (!isLost) return { name, job, lost };
    lost.push(name);
  }
}

/** The job of that name. Throws `job-name-taken` when it is of another training. */
export async function findOwnJob(
  ml: MlWorkspace,
  name: string,
  { inputKey }: Trained,
): Promise<JobBase | undefined> {
  const job = await ml.finding(`looking for the job ${name}`, () => ml.client.jobs.get(...ml.at, name));
  if (job === undefined || job.properties.tags?.[ML_TAG.inputKey] === inputKey) return job;
  throw failure(
    'job-name-taken',
    `the workspace "${ml.settings.workspace}" has a job ${name} that is of another training: its tag ${ML_TAG.inputKey} is not ${inputKey}`,
    `Look at it: az ml job show --name ${name}. If its tag was changed by hand, give it back; a job's name is never free again.`,
  );
}

/** What lost attempts took; one of which run history knows nothing counts with the longest that it may have taken. */
export async function minutesOfLost(
  ml: MlWorkspace,
  lost: readonly string[],
  timeoutMs: number,
): Promise<number> {
  const plane = openDataPlane(ml);
  let sum = 0;
  for (const name of lost) {
    const details = await readRunDetails(ml, name, plane);
    const neverRan = details !== undefined && details.started === undefined;
    sum += neverRan ? 0 : ((details && minutesOf(details)) ?? timeoutMs / 60_000);
  }
  return sum;
}
