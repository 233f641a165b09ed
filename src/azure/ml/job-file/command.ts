import type { CommandJob } from '@azure/arm-machinelearning';
import { camel, given, mapped } from './camel.ts';
import { boundInputs, checkPlaceholders, jobInputs, jobOutputs } from './inputs-outputs.ts';
import { jobHead, type Submission, workOf } from './job-head.ts';
import { leastTimeout, serviceOf } from './settings.ts';
import { readSource } from './source-file.ts';
import { commandFileSchema } from './command-schema.ts';

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
