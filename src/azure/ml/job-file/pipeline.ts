import type { PipelineJob } from '@azure/arm-machinelearning';
import { MODEL_OUTPUT } from '../job-names.ts';
import { computeId } from './assets.ts';
import { given } from './camel.ts';
import { isMap } from './chosen.ts';
import { boundInputs, jobInputs, jobOutputs } from './inputs-outputs.ts';
import { jobHead, type Submission } from './job-head.ts';
import { readSource } from './source-file.ts';
import { portsOf } from './step-io.ts';
import { stepOf } from './step.ts';
import { type PipelineFile, pipelineFileSchema, type Step } from './pipeline-schema.ts';

/** The body of a job of the type pipeline (azure-ai-ml, `PipelineJob._to_rest_object`). */
export async function pipelineFromFile(submission: Submission): Promise<PipelineJob> {
  const { assets, source, training, common } = submission;
  const file = readSource(source, pipelineFileSchema);
  if (training.instance !== undefined)
    throw source.wrong(
      ['jobs'],
      'has steps of its own: name their machines in "resources.instance_type" of each, not "instance" in edgeloop.yaml',
    );
  const inputs = boundInputs(source, file.inputs, { params: training.params, data: common.data });
  const outputs = jobOutputs(source, file.outputs, common.outputUri);
  if (!Object.values(file.jobs).some(leavesModel))
    throw source.wrong(
      ['outputs', MODEL_OUTPUT],
      `no step writes it: expected one with an output \${{parent.outputs.${MODEL_OUTPUT}}}`,
    );
  const portOf = portsOf(source, { ...file, inputs });
  const jobs: Record<string, Record<string, unknown>> = {};
  // One after the other: steps share code and components, which are to be made once.
  for (const [name, step] of Object.entries(file.jobs))
    jobs[name] = await stepOf(step, name, { submission, portOf, at: ['jobs', name] });
  return given({
    jobType: 'Pipeline' as const,
    ...jobHead(submission, file),
    inputs: jobInputs(assets.workspace, source, inputs),
    outputs,
    jobs,
    settings: settingsOf(submission, file.settings),
  });
}

function settingsOf({ assets, common }: Submission, settings: PipelineFile['settings']) {
  const { default_compute, default_datastore, ...rest } = settings;
  return given({
    ...rest,
    default_compute: common.computeId ?? computeId(assets.workspace, default_compute),
    default_datastore:
      default_datastore && `${assets.workspace}/datastores/${default_datastore.replace(/^azureml:/, '')}`,
    _source: 'YAML.JOB',
  });
}

function leavesModel({ outputs }: Step): boolean {
  const bound = Object.values(outputs).map((output) => (isMap(output) ? output.path : output));
  return bound.some((path) => path?.replaceAll(/\s/g, '') === `\${{parent.outputs.${MODEL_OUTPUT}}}`);
}
