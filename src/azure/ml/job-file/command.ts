import type { CommandJob } from '@azure/arm-machinelearning';
import { z } from 'zod';
import { camel, given, mapped } from './camel.ts';
import { word } from './chosen.ts';
import {
  boundInputs,
  checkPlaceholders,
  inputsSchema,
  jobInputs,
  jobOutputs,
  outputsSchema,
} from './inputs-outputs.ts';
import { jobHead, type Submission, workOf } from './job-head.ts';
import {
  commandSettings,
  jobSettings,
  leastTimeout,
  limitsSchema,
  QUEUE,
  serviceOf,
  serviceSchema,
} from './settings.ts';
import { readSource } from './source-file.ts';

/** A job file of the type command: azure-ai-ml, `CommandJobSchema`. */
const commandFileSchema = z.strictObject({
  ...jobSettings,
  type: word('command').default('command'),
  ...commandSettings,
  inputs: inputsSchema,
  outputs: outputsSchema,
  limits: limitsSchema.optional(),
  services: z.record(z.string(), serviceSchema).optional(),
  queue_settings: QUEUE,
});

export type CommandFile = z.output<typeof commandFileSchema>;

/** The body of a job of the type command (azure-ai-ml, `CommandJob._to_rest_object`). */
export async function commandFromFile(submission: Submission): Promise<CommandJob> {
  const { assets, source, training, common } = submission;
  const file = readSource(source, commandFileSchema);
  const inputs = boundInputs(source, file.inputs, { params: training.params, data: common.data });
  const outputs = jobOutputs(source, file.outputs, common.outputUri);
  checkPlaceholders(source, ['command'], file.command, { inputs, outputs });
  return given({
    jobType: 'Command' as const,
    ...jobHead(submission, file),
    inputs: jobInputs(assets.workspace, source, inputs),
    outputs,
    ...(await workOf(submission, file, [])),
    limits: {
      jobLimitsType: 'Command' as const,
      timeout: leastTimeout(file.limits?.timeout, training.timeoutMs),
    },
    services: file.services && mapped(file.services, (service) => camel(serviceOf(service))),
  });
}
