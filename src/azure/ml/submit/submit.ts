import type { JobBase, JobBasePropertiesUnion } from '@azure/arm-machinelearning';
import { misuse } from '../../../errors.ts';
import type { ServiceJob, ServiceLog, ServiceTraining } from '../../../training/index.ts';
import { SCOPE } from '../../audiences.ts';
import { findAttempts, findOwnJob, minutesOfLost } from './attempts.ts';
import { requireBudget } from './budget.ts';
import { provideCode } from '../assets/code.ts';
import { provideDataAsset } from '../assets/data-asset.ts';
import { provideEnvironment } from '../assets/environment.ts';
import { bindForService, commandJob, commonOf, type JobCommon } from './job-body.ts';
import { checkJobFile, jobFromFile, needsCallersToken } from '../job-file/index.ts';
import { pageOf, stateOf } from '../read-job.ts';
import { reopened } from '../reopened.ts';
import { courseOf } from '../states.ts';
import type { MlWorkspace } from '../workspace.ts';

/** How long the request that makes a job may still take when the user has cancelled. */
const GRACE_MS = 20_000;

/**
 * Gives the job of a training: the one that runs or has ended well, whoever submitted it, or a new one. Nothing is
 * uploaded or submitted that the budget does not allow. Throws `training-budget`, `job-name-taken` and what a folder,
 * store or workspace refuses.
 */
export async function submitTraining(
  ml: MlWorkspace,
  training: ServiceTraining,
  log: ServiceLog,
): Promise<ServiceJob> {
  const { model, timeoutMs, budget } = training;
  const { name, job, lost } = await findAttempts(ml, training);
  const earlierMinutes = await minutesOfLost(ml, lost, timeoutMs);
  if (job !== undefined) {
    log('info', `the job ${name} is there already`, { status: job.properties.status ?? 'unknown' });
    return { name, page: pageOf(job), submitted: false, isEnded: isEnded(job), earlierMinutes };
  }
  const size = await sizeOfFile(ml, training, name);
  requireBudget(budget, { model, timeoutMs, earlierMinutes, attempts: lost.length, ...(size && { size }) });
  const properties = await describeJob(ml, training, name, log);
  const { made, submitted } = await submit(ml, training, { name, properties });
  log('info', submitted ? `submitted the job ${name}` : `the job ${name} has been submitted already`);
  return { name, page: pageOf(made), submitted, isEnded: isEnded(made), earlierMinutes };
}

const isEnded = (job: JobBase): boolean => courseOf(stateOf(job)) === 'ended well';

/** What a job file's job takes; throws where the file is wrong, before anything is sent. */
async function sizeOfFile(ml: MlWorkspace, training: ServiceTraining, name: string) {
  if (!('jobFile' in training.work)) return undefined;
  return checkJobFile(training, commonOf(training, { name, workspace: ml.id }));
}

async function describeJob(
  ml: MlWorkspace,
  training: ServiceTraining,
  name: string,
  log: ServiceLog,
): Promise<JobBasePropertiesUnion> {
  const { work, params, environment } = training;
  const code = (folder: string) => provideCode(ml, folder, log);
  const common = async (): Promise<JobCommon> => ({
    ...commonOf(training, { name, workspace: ml.id }),
    code,
    data: await provideDataAsset(ml, training, log),
  });
  if ('jobFile' in work) return jobFromFile(ml, training, await common());
  if (environment === undefined)
    throw misuse('environment-unsupported', 'the training has no environment', 'Name one in "environment".');
  // First what may be wrong with it, then what is sent.
  const bound = bindForService(work.run, params);
  const environmentId = await provideEnvironment(ml, environment);
  const codeId = await code(training.code.folder);
  return commandJob(training, await common(), { ...bound, codeId, environmentId });
}

/** What a job needs that starts others, or acts, as its caller. */
async function callersToken(
  { credential }: MlWorkspace,
  properties: JobBasePropertiesUnion,
): Promise<Record<string, string>> {
  if (!needsCallersToken(properties)) return {};
  const { token } = await credential.getToken(SCOPE.machineLearning);
  return { 'x-azureml-token': token };
}

/**
 * Makes the job. Its name is the lock: of two that make it at the same time the second one is told so (200), or refused
 * when its job is not quite the same, and gets the first one's. When no answer comes, the job is looked for. A user who
 * cancels meanwhile does not end the request at once: nobody would know whether there is a job to be cancelled.
 */
async function submit(
  ml: MlWorkspace,
  training: ServiceTraining,
  { name, properties }: { name: string; properties: JobBasePropertiesUnion },
): Promise<{ made: JobBase; submitted: boolean }> {
  ml.signal?.throwIfAborted();
  const patience = new AbortController();
  const endSoon = () => void setTimeout(() => patience.abort(), GRACE_MS).unref();
  ml.signal?.addEventListener('abort', endSoon, { once: true });
  let status: number | undefined;
  const onResponse = (response: { status: number }) => void ({ status } = response);
  try {
    const put = async () =>
      ml.client.jobs.createOrUpdate(
        ...ml.at,
        name,
        { properties },
        {
          abortSignal: patience.signal,
          onResponse,
          requestOptions: { customHeaders: await callersToken(ml, properties) },
        },
      );
    const made = await ml.asking(`submitting the job ${name}`, put);
    return { made, submitted: status === 201 };
  } catch (error) {
    // Also when the user has cancelled meanwhile: a job that was made has to be cancelled.
    const made = await findOwnJob(reopened(ml, patience.signal), name, training).catch(() => undefined);
    if (made === undefined) throw error;
    return { made, submitted: status === undefined };
  } finally {
    ml.signal?.removeEventListener('abort', endSoon);
  }
}
