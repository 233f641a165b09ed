import { computeId } from './assets.ts';
import { given, mapped } from './camel.ts';
import type { CommandStep, Step, SweepStep } from './pipeline-schema.ts';
import { distributionOf, identityOf, leastSeconds, leastTimeout, serviceOf } from './settings.ts';
import { componentOf, inlineComponent } from './step-component.ts';
import { stepInput, stepOutput, type StepPlace } from './step-io.ts';
import { terminationOf } from './sweep.ts';

/** A step as the body of a pipeline job has it (azure-ai-ml, `Command._to_rest_object` and `Sweep._to_rest_object`). */
export async function stepOf(step: Step, name: string, place: StepPlace): Promise<Record<string, unknown>> {
  const { submission, at } = place;
  const { workspace } = submission.assets;
  const common = {
    name,
    type: step.type,
    display_name: step.display_name,
    comment: step.comment,
    tags: step.tags,
    properties: step.properties,
    computeId: computeId(workspace, step.compute),
    inputs: mapped(step.inputs, (input, key) => stepInput(place, input, [...at, 'inputs', key])),
    outputs: mapped(withoutNothing(step.outputs), (output, key) =>
      stepOutput(place, output, [...at, 'outputs', key]),
    ),
  };
  return given({
    ...common,
    ...(step.type === 'sweep' ? await sweepOf(step, place) : await commandOf(step, place)),
  });
}

async function commandOf(step: CommandStep, place: StepPlace) {
  const { submission, at } = place;
  const { timeoutMs } = submission.training;
  const { component, id, origin } = await componentOf(step.component ?? inlineComponent(step, place), place, {
    at: step.component === undefined ? at : [...at, 'component'],
    inputs: step.inputs,
  });
  const distribution = step.distribution ?? component?.distribution;
  return {
    _source: origin,
    componentId: id,
    resources: step.resources ?? component?.resources,
    distribution: distribution && distributionOf(distribution),
    limits: { job_limits_type: 'Command', timeout: leastTimeout(step.limits?.timeout, timeoutMs) },
    environment_variables: step.environment_variables,
    identity: step.identity && identityOf(step.identity),
    services: step.services && mapped(step.services, serviceOf),
  };
}

async function sweepOf(step: SweepStep, place: StepPlace) {
  const { submission, at } = place;
  const { timeoutMs } = submission.training;
  const { id, origin } = await componentOf(step.trial, place, {
    at: [...at, 'trial'],
    inputs: step.inputs,
    searched: step.search_space,
  });
  const { timeout, trial_timeout, ...trials } = step.limits;
  return {
    _source: origin,
    trial: { componentId: id },
    sampling_algorithm: step.sampling_algorithm,
    search_space: step.search_space,
    objective: step.objective,
    early_termination: step.early_termination && withoutZeros(terminationOf(step.early_termination)),
    limits: given({
      ...trials,
      timeout: leastSeconds(timeout, timeoutMs),
      trial_timeout: trial_timeout === undefined ? undefined : leastSeconds(trial_timeout, timeoutMs),
    }),
  };
}

const withoutZeros = (value: object) =>
  Object.fromEntries(Object.entries(value).filter(([, held]) => held !== 0));

const withoutNothing = <Value>(map: Record<string, Value | null>) =>
  Object.fromEntries(Object.entries(map).filter((entry): entry is [string, Value] => entry[1] !== null));
