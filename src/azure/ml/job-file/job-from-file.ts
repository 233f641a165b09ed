import type { CommandJob, JobBaseProperties, PipelineJob, SweepJob } from '@azure/arm-machinelearning';
import { z } from 'zod';
import type { ServiceTraining } from '../../../training/index.ts';
import type { JobCommon } from '../submit/job-body.ts';
import type { MlWorkspace } from '../workspace.ts';
import { assetsIn, NO_ASSETS } from './assets.ts';
import { commandFromFile } from './command.ts';
import type { Submission } from './job-head.ts';
import { type JobSize, sizeOf } from './job-size.ts';
import { pipelineFromFile } from './pipeline.ts';
import { checkSecrets } from './secrets.ts';
import { openSource, readSource } from './source-file.ts';
import { sweepFromFile } from './sweep.ts';

/**
 * The body of a job out of a team's own job file of Azure ML (command, sweep or pipeline), with the training data, the
 * params and the place of the model bound to `inputs.train`, the inputs of their names, and `outputs.model`. Code,
 * environments and components that the file describes are made in the workspace, once per content, after the whole file
 * has been checked. What the file leaves open in time, so that no input key would show it, is refused. Throws
 * `config-invalid`, `job-file-invalid`, `job-file-secret`, `job-file-unreadable`, with line and key of the file, and what
 * the workspace refuses.
 *
 * Of a sweep, each trial leaves its model at a place of its own, where the service puts it.
 */
export async function jobFromFile(
  ml: MlWorkspace,
  training: ServiceTraining,
  common: JobCommon,
): Promise<CommandJob | SweepJob | PipelineJob> {
  await translate(training, { assets: NO_ASSETS, common });
  return translate(training, { assets: assetsIn(ml, common), common });
}

/**
 * Whether a training's job file is as it has to be, before anything is asked or sent, and what its job takes at most.
 * Throws what `jobFromFile` throws.
 */
export async function checkJobFile(
  training: ServiceTraining,
  common: Omit<JobCommon, 'code' | 'data'>,
): Promise<JobSize> {
  return sizeOf(await translate(training, { assets: NO_ASSETS, common }));
}

async function translate(
  training: ServiceTraining,
  { assets, common }: Pick<Submission, 'assets' | 'common'>,
): Promise<CommandJob | SweepJob | PipelineJob> {
  if (!('jobFile' in training.work)) throw new Error('a training with a command has no job file');
  const source = openSource(training.work.jobFile, training.code.folder);
  checkSecrets(source);
  const submission = { assets, source, training, common };
  const type = typeOf(readSource(source, z.looseObject({ type: z.unknown().optional() })).type);
  if (type === 'command') return commandFromFile(submission);
  if (type === 'sweep') return sweepFromFile(submission);
  if (type === 'pipeline') return pipelineFromFile(submission);
  throw source.wrong(['type'], `found ${JSON.stringify(type)}, expected command, sweep or pipeline`);
}

const typeOf = (type: unknown): unknown =>
  typeof type === 'string' ? type.toLowerCase() : (type ?? 'command');

/**
 * True where the service wants a token of the caller for `https://ml.azure.com/.default` beside the job, in the header
 * `x-azureml-token`, since the job starts others, or acts, as the caller (azure-ai-ml, `_set_headers_with_user_aml_token`).
 */
export function needsCallersToken({
  jobType,
  identity,
}: Pick<JobBaseProperties, 'jobType' | 'identity'>): boolean {
  return jobType === 'Pipeline' || identity?.identityType === 'UserIdentity';
}
