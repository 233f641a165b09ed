import type {
  CommandJob,
  JobInputUnion,
  LiteralJobInput,
  UriFolderJobInput,
} from '@azure/arm-machinelearning';
import type { ServiceTraining, TrainedRevision } from '../../../training/index.ts';
import { bindCommand } from '../../../training/index.ts';
import { datastoreUri } from '../datastore.ts';
import { ML_TAG, MODEL_OUTPUT } from '../job-names.ts';

/** The training data, as a job's input takes them. */
export interface JobData {
  /** ARM id of a version of a data asset. */
  id: string;
  type: 'uri_folder' | 'uri_file';
}

/** What every job of ours gets, whoever wrote its command. */
export interface JobCommon {
  name: string;
  experimentName: string;
  /** By which it is found again. */
  tags: Record<string, string>;
  /** Which commit is trained. */
  properties: Record<string, string>;
  /** Uploads a folder once per content; gives the ARM id of its code asset. */
  code(folder: string): Promise<string>;
  data: JobData;
  /** Where the output `model` goes: `azureml://datastores/…`. */
  outputUri: string;
  /** ISO 8601. */
  timeout: string;
  /** ARM id; undefined for serverless. */
  computeId: string | undefined;
}

/** What every job gets that can be known before anything is asked or uploaded; `workspace` is its ARM id. */
export function commonOf(
  training: ServiceTraining,
  { name, workspace }: { name: string; workspace: string },
): Omit<JobCommon, 'code' | 'data'> {
  const { model, inputKey, data, compute, git, timeoutMs } = training;
  return {
    name,
    experimentName: `edgeloop-${model}`,
    tags: { [ML_TAG.model]: model, [ML_TAG.inputKey]: inputKey, [ML_TAG.dataset]: data.digest },
    properties: gitProperties(git),
    outputUri: datastoreUri(`edgeloop/models/${model}/${name}/`),
    timeout: isoDuration(timeoutMs),
    computeId: compute === undefined ? undefined : `${workspace}/computes/${compute}`,
  };
}

/** What Azure ML allows as a literal input (description of 2022-10-01, `LiteralJobInput`). */
const LITERAL = /[a-zA-Z0-9_]/;

/** What a job runs. */
export interface JobCommand {
  command: string;
  environmentVariables: Record<string, string>;
}

/** What is known only where the job runs, by the variable that `bindCommand` makes of it. */
const ON_COMPUTE = new Set(['EDGELOOP_INPUT_train', `EDGELOOP_OUTPUT_${MODEL_OUTPUT}`]);

/**
 * Azure ML puts what a placeholder stands for into the command as text. Here each is one word, whatever it holds, as it
 * is on this machine: a param becomes an environment variable of the job. Throws `placeholder-unknown`,
 * `placeholder-quoted`.
 */
export function bindForService(run: string, params: ServiceTraining['params']): JobCommand {
  const { script, variables } = bindCommand(run, {
    inputs: { ...textsOf(params), train: '${{inputs.train}}' },
    outputs: { [MODEL_OUTPUT]: `\${{outputs.${MODEL_OUTPUT}}}` },
  });
  const environmentVariables: Record<string, string> = {};
  let command = script;
  for (const [name, value] of Object.entries(variables)) {
    // Quoted doubly: Azure ML may put the name of a variable there, as well as a path.
    if (ON_COMPUTE.has(name)) command = `export ${name}="${value}"\n${command}`;
    else environmentVariables[name] = value;
  }
  return { command, environmentVariables };
}

function textsOf(params: ServiceTraining['params']): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
}

/** The body of a command job. A param stands among its inputs to be seen. */
export function commandJob(
  { params, instance }: Pick<ServiceTraining, 'params' | 'instance'>,
  common: JobCommon,
  run: JobCommand & { codeId: string; environmentId: string },
): CommandJob {
  const { name, computeId, timeout, data, tags, properties, experimentName, outputUri } = common;
  const seen = Object.entries(textsOf(params)).filter(([, value]) => LITERAL.test(value));
  return {
    jobType: 'Command',
    displayName: name,
    experimentName,
    tags,
    properties,
    ...run,
    inputs: {
      ...Object.fromEntries(seen.map(([key, value]) => [key, literal(value)])),
      train: dataInput(data),
    },
    outputs: { [MODEL_OUTPUT]: modelOutput(outputUri) },
    limits: { jobLimitsType: 'Command', timeout },
    ...(computeId !== undefined && { computeId }),
    ...(instance !== undefined && { resources: { instanceType: instance } }),
  };
}

const literal = (value: string): LiteralJobInput => ({ jobInputType: 'literal', value });

/** The training data, read where they lie. */
export function dataInput({ id, type }: JobData): JobInputUnion {
  const input: UriFolderJobInput = { jobInputType: type, uri: id, mode: 'ReadOnlyMount' };
  return input;
}

/** A folder that the job writes to. */
export function modelOutput(uri: string): { jobOutputType: 'uri_folder'; uri: string; mode: string } {
  return { jobOutputType: 'uri_folder', uri, mode: 'ReadWriteMount' };
}

/** Seconds, which is as exact as Azure ML is; never less than was asked for. */
export function isoDuration(ms: number): string {
  return `PT${Math.max(1, Math.ceil(ms / 1000))}S`;
}

/** The names that Azure ML's own tools use, and its Studio shows (azure-ai-ml 1.x, `GitProperties`). */
function gitProperties(git: TrainedRevision | undefined): Record<string, string> {
  if (git === undefined) return {};
  const { commit, branch, repository, isDirty } = git;
  return {
    ...(repository !== undefined && { 'mlflow.source.git.repoURL': repository }),
    ...(branch !== undefined && { 'mlflow.source.git.branch': branch }),
    'mlflow.source.git.commit': commit,
    'azureml.git.dirty': isDirty ? 'True' : 'False',
  };
}
