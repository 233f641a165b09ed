import type { SweepJob } from '@azure/arm-machinelearning';
import { camel, given, mapped } from './camel.ts';
import { boundInputs, checkPlaceholders, jobInputs, jobOutputs } from './io-rest.ts';
import { jobHead, type Submission, workOf } from './job-head.ts';
import { leastTimeout } from './settings-rest.ts';
import { readSource } from './source-file.ts';
import { sweepFileSchema, type SweepSettings } from './sweep-schema.ts';

const ALGORITHM = { random: 'Random', grid: 'Grid', bayesian: 'Bayesian' } as const;
const GOAL = { minimize: 'Minimize', maximize: 'Maximize' } as const;
const RULE = { random: 'Random', sobol: 'Sobol' } as const;
const POLICY = {
  bandit: 'Bandit',
  median_stopping: 'MedianStopping',
  truncation_selection: 'TruncationSelection',
} as const;

/** The body of a job of the type sweep (azure-ai-ml, `SweepJob._to_rest_object`). */
export async function sweepFromFile(submission: Submission): Promise<SweepJob> {
  const { assets, source, training, common } = submission;
  const file = readSource(source, sweepFileSchema);
  const { trial, limits } = file;
  const inputs = boundInputs(source, file.inputs, { params: training.params, data: common.data });
  // Trials with one place would write over each other: each has its own, which the service gives it.
  const outputs = jobOutputs(source, file.outputs, undefined);
  const known = { inputs, outputs, search_space: file.search_space };
  checkPlaceholders(source, ['trial', 'command'], trial.command, known);
  const { timeout, trial_timeout } = limits;
  return given({
    jobType: 'Sweep' as const,
    ...jobHead(submission, file),
    inputs: jobInputs(assets.workspace, source, inputs),
    outputs,
    trial: await workOf(submission, { ...trial, resources: trial.resources ?? file.resources }, ['trial']),
    samplingAlgorithm: samplingOf(file.sampling_algorithm),
    searchSpace: mapped(file.search_space, spaceOf),
    objective: { goal: GOAL[file.objective.goal], primaryMetric: file.objective.primary_metric },
    earlyTermination: file.early_termination && camel(terminationOf(file.early_termination)),
    limits: given({
      ...camel(limits),
      jobLimitsType: 'Sweep' as const,
      timeout: leastTimeout(timeout, training.timeoutMs),
      trialTimeout: trial_timeout === undefined ? undefined : leastTimeout(trial_timeout, training.timeoutMs),
    }),
  });
}

function samplingOf(sampling: SweepSettings['sampling_algorithm']) {
  if (typeof sampling === 'string') return { samplingAlgorithmType: ALGORITHM[sampling] };
  const { type, seed, rule } = sampling;
  return given({ samplingAlgorithmType: ALGORITHM[type], seed, rule: rule && RULE[rule] });
}

/** The order in which the service expects the arguments of a distribution. */
const ARGUMENTS = ['values', 'upper', 'min_value', 'max_value', 'mu', 'sigma', 'q'];

function spaceOf(space: Record<string, unknown>): unknown[] {
  return [space['type'], ARGUMENTS.filter((name) => name in space).map((name) => space[name])];
}

/** With the values that azure-ai-ml puts where the file has none. */
export function terminationOf({ type, ...rest }: NonNullable<SweepSettings['early_termination']>) {
  return given({
    policy_type: POLICY[type],
    delay_evaluation: 0,
    evaluation_interval: type === 'median_stopping' ? 1 : 0,
    ...(type === 'bandit' && { slack_amount: 0, slack_factor: 0 }),
    ...given(rest),
  });
}
