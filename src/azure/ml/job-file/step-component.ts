import { versionId } from './assets.ts';
import { given, mapped } from './camel.ts';
import { isMap } from './chosen.ts';
import { type Component, componentSchema, type ComponentSource, provideComponent } from './component.ts';
import type { Input, Output } from './inputs-outputs.ts';
import type { CommandStep } from './pipeline-schema.ts';
import { checkSecrets } from './secrets.ts';
import { VERSIONED } from './settings.ts';
import { openSource, readSource, type SourceFile } from './source-file.ts';
import { isBinding, type Port, type StepPlace, typed } from './step-io.ts';

interface Given {
  at: string[];
  /** Of the step. */
  inputs: Record<string, Input>;
  /** A sweep's parameters. */
  searched?: object;
}

interface Provided {
  id: string;
  origin: ComponentSource | 'REMOTE.WORKSPACE.COMPONENT' | 'REMOTE.REGISTRY';
  /** Undefined for one that is registered, which only the service knows. */
  component?: Component;
}

/** The component of a step: registered already, or made for this job out of the file itself or another. */
export async function componentOf(
  ref: Component | string,
  place: StepPlace,
  about: Given,
): Promise<Provided> {
  const { submission } = place;
  const { assets, source } = submission;
  if (isMap(ref)) {
    checkInputs(source, ref, about);
    const id = await provideComponent(submission, ref, { ...about, origin: 'YAML.JOB' });
    return { id, origin: 'YAML.JOB', component: ref };
  }
  if (/^(azureml:|\/subscriptions\/)/.test(ref)) {
    if (!VERSIONED.test(ref))
      throw source.wrong(
        about.at,
        `found "${ref}", expected azureml:NAME:VERSION: what is named by a label or without a version may be another one tomorrow, which no input key would show`,
      );
    const origin = ref.startsWith('azureml://') ? 'REMOTE.REGISTRY' : 'REMOTE.WORKSPACE.COMPONENT';
    return { id: versionId(assets.workspace, 'components', ref), origin };
  }
  const own = openSource(source.within(ref.replace(/^file:/, ''), about.at), source.root);
  checkSecrets(own);
  const component = readSource(own, componentSchema);
  checkInputs(source, component, about);
  const id = await provideComponent({ ...submission, source: own }, component, {
    at: [],
    searched: about.searched,
    origin: 'YAML.COMPONENT',
  });
  return { id, origin: 'YAML.COMPONENT', component };
}

/** Throws unless a step gives all that its component needs, and nothing else. */
function checkInputs(
  source: SourceFile,
  { inputs }: Component,
  { at, inputs: have, searched = {} }: Given,
): void {
  const step = at.slice(0, 2);
  for (const [name, { default: value, optional }] of Object.entries(inputs)) {
    if (value === undefined && optional !== true && !(name in have) && !(name in searched))
      throw source.wrong([...step, 'inputs', name], 'missing: its component needs it');
  }
  for (const name of Object.keys(have)) {
    if (!(name in inputs)) throw source.wrong([...step, 'inputs', name], 'its component has no such input');
  }
}

/** What a command within a pipeline is as a component (azure-ai-ml, `CommandJob._to_component`). */
export function inlineComponent(step: CommandStep, { portOf, at }: StepPlace): Component {
  const { command, code, environment, resources, distribution, description, tags } = step;
  // The schema has seen to it.
  if (command === undefined || environment === undefined) throw new Error(`no command in ${at.join('.')}`);
  const port = (value: Input | Output | string, key: string[]): Port => {
    if (isBinding(value)) return portOf(value, [...at, ...key]);
    return typed(value);
  };
  return given({
    type: 'command' as const,
    is_deterministic: true,
    command,
    code,
    environment,
    resources,
    distribution,
    description,
    tags,
    inputs: mapped(step.inputs, (input, name) => ({
      ...port(input, ['inputs', name]),
      ...(!isMap(input) && input !== null && !isBinding(input) && { default: input }),
    })),
    outputs: mapped(step.outputs, (output, name) => port(output, ['outputs', name])),
  });
}
