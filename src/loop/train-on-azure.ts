import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Cancellation } from '../azure/ml/cancel.ts';
import { describeRemote, downloadRemote } from '../dataset/index.ts';
import { fileCount } from '../file-count.ts';
import { failure, messageOf } from '../errors.ts';
import type { SpentFacts } from '../report/index.ts';
import { type FinishedJob, openTrainingLog, requireModel, type ServiceJob } from '../training/index.ts';
import { blameSetting } from './blame-setting.ts';
import type { Identity, Provenance } from './identify.ts';
import { readOptions } from './inputs.ts';
import { serviceTraining } from './service-training.ts';
import type { Trained } from './train.ts';
import { workPath, type Workspace } from './workspace.ts';

interface Places {
  /** For what is needed on the way. */
  folder: string;
  /** Path of the training data on this disk; `undefined` where the job reads them itself. */
  data: string | undefined;
  /** Gets what the training wrote. */
  output: string;
  origin: Provenance;
}

/**
 * Runs a model's training as a job on Azure ML, or takes up the one that runs or has run the same inputs, and leaves what
 * it wrote in `output`. Who cancels this cancels the job. Throws `dataset-differs` when the data are other ones by then.
 */
export async function trainOnAzure(
  workspace: Workspace,
  identity: Identity,
  { output, ...places }: Places,
): Promise<Trained> {
  const { deps } = workspace;
  const { model, inputKey, settings } = identity;
  const logFile = workPath(workspace, 'logs', model, `${inputKey}.log`);
  // Before anything is submitted: where no log can be, nobody would wait for the job.
  const log = openTrainingLog(logFile);
  let printed = false;
  const write = (line: string) => {
    printed = true;
    log.write(line);
  };
  let logProblem: unknown;
  const { job, finished } = await runJob(workspace, identity, places, write).finally(() => {
    logProblem = log.close();
  });
  if (logProblem !== undefined)
    deps.log('warn', `the log of the training is incomplete: ${messageOf(logProblem)}`, { logFile });
  await requireSameData(identity, workspace);
  await fetchOutput(workspace, job.name, output);
  await requireModel(
    output,
    `the job ${job.name} was completed and left no model.onnx in its output "model"`,
  );
  const spent = spentBy(job, finished, settings.train.hourlyRate);
  deps.log('info', `trained ${model} on Azure ML${spentText(spent)}`, { job: job.name });
  const trained: Trained = { job: { target: 'azureml', name: job.name }, spent };
  return printed && logProblem === undefined ? { ...trained, log: logFile } : trained;
}

/** Submits a job, or takes it up, and waits for its end. */
async function runJob(
  workspace: Workspace,
  identity: Identity,
  places: Omit<Places, 'output'>,
  write: (line: string) => void,
): Promise<{ job: ServiceJob; finished: FinishedJob }> {
  const { deps } = workspace;
  const { model, settings } = identity;
  const { followJob } = await import('../azure/ml/follow/follow.ts');
  const ml = await workspace.azure();
  const job = await submitJob(workspace, identity, places);
  const follower = deps.followTraining(model);
  follower.submitted?.(job.name);
  const onLine = (line: string) => {
    write(line);
    follower.line(line);
  };
  const limitMs = settings.train.timeout;
  const finished = await blameSetting(
    workspace,
    model,
    ({ code }) => (code === 'training-timeout' ? 'train.timeout' : work(identity)),
    () =>
      cancelledWith(workspace, job.name, () => followJob(ml, job.name, { onLine, log: deps.log, limitMs })),
  ).finally(follower.end);
  return { job, finished };
}

/** Finds the job of these inputs, or submits it. */
export async function submitJob(
  workspace: Workspace,
  identity: Identity,
  { folder, data, origin }: Omit<Places, 'output'>,
): Promise<ServiceJob> {
  const { deps } = workspace;
  const { model } = identity;
  const ml = await workspace.azure();
  const { submitTraining } = await import('../azure/ml/submit/submit.ts');
  const training = await serviceTraining(workspace, identity, { folder, data, origin });
  const setting = ({ code, message }: { code: string; message: string }) =>
    code === 'training-budget' ? 'train.maxMinutes' : settingIn(message, identity);
  const job = await blameSetting(workspace, model, setting, () => submitTraining(ml, training, deps.log));
  if (job.page !== undefined) deps.log('info', `look at it: ${job.page}`);
  return job;
}

function spentBy(
  job: ServiceJob,
  { minutes, metrics }: FinishedJob,
  hourlyRate: number | undefined,
): SpentFacts {
  const all = minutes === undefined ? undefined : minutes + job.earlierMinutes;
  const cost = all === undefined || hourlyRate === undefined ? undefined : (all / 60) * hourlyRate;
  return { job: job.name, page: job.page, minutes: all, cost, metrics };
}

function spentText({ minutes, cost }: SpentFacts): string {
  if (minutes === undefined) return '';
  return ` in ${minutes.toFixed(1)} min${cost === undefined ? '' : `, about ${cost.toFixed(2)}`}`;
}

const work = ({ settings }: Identity): string =>
  settings.train.job === undefined ? 'train.run' : 'train.job';

/** The setting that an answer of Azure names by its value. */
function settingIn(message: string, identity: Identity): string {
  const { compute, environment } = identity.settings.train;
  const names = (value: string | undefined) => value !== undefined && message.includes(value);
  if (names(compute)) return 'train.compute';
  return names(environment) ? 'train.environment' : work(identity);
}

/** Who cancels the wait cancels the job. */
async function cancelledWith<T>(workspace: Workspace, job: string, wait: () => Promise<T>): Promise<T> {
  const { log, signal } = workspace.deps;
  try {
    return await wait();
  } catch (error) {
    if (!signal.aborted) throw error;
    log('info', `cancelling the job ${job}`);
    throw cancelledWait(job, await cancelOnAzure(workspace, job));
  }
}

function cancelledWait(job: string, said: Cancellation): Error {
  if (said.kind === 'unconfirmed') {
    return failure(
      'cancelled',
      `the training was cancelled; whether the job ${job} was is not known: ${said.why}`,
      `Look at it, and cancel it: az ml job cancel --name ${job}; it ends by itself after train.timeout.`,
    );
  }
  // It was faster than we, and is paid for.
  if (said.state === 'Completed') {
    return failure(
      'cancelled',
      `cancelled; the job ${job} had been completed before`,
      'The same command takes what it has made.',
    );
  }
  return failure(
    'cancelled',
    `the training was cancelled, and the job ${job} with it (${said.state})`,
    'Start it again when you are ready.',
  );
}

/** Cancels a job, also after the user has cancelled everything here. */
export async function cancelOnAzure(workspace: Workspace, job: string): Promise<Cancellation> {
  const { cancelJob } = await import('../azure/ml/cancel.ts');
  return cancelJob(await workspace.azure(), job);
}

/** The data were mounted as they lay there: only if they are the same ones now was it they that the training read. */
async function requireSameData({ paths, dataset }: Identity, workspace: Workspace): Promise<void> {
  if (paths.remote === undefined) return;
  const { digest } = await describeRemote(paths.remote, workspace.deps.signal);
  if (digest === dataset.digest) return;
  throw failure(
    'dataset-differs',
    `${paths.remote.name} is ${digest} now, but ${dataset.digest} was planned: they have changed while the training ran`,
    'Run it again, so that what is there now is planned and trained; leave data alone while a training runs, or write new files instead.',
  );
}

async function fetchOutput(workspace: Workspace, job: string, output: string): Promise<void> {
  const { openJobOutput } = await import('../azure/ml/outputs.ts');
  const store = await openJobOutput(await workspace.azure(), job);
  const files = await store.list(workspace.deps.signal);
  const kept = workPath(workspace, 'outputs', job);
  workspace.deps.log('info', `fetching ${fileCount(files.length)} of the job ${job}`);
  // With what a download keeps beside it, for the next one.
  const folder = await downloadRemote(store, files, join(kept, 'model'), readOptions(workspace));
  await rm(output, { recursive: true, force: true });
  await mkdir(dirname(output), { recursive: true });
  await rename(folder, output);
  await rm(kept, { recursive: true, force: true });
}
