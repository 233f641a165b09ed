import { dataUri } from './assets.ts';
import { given } from './camel.ts';
import { isMap } from './chosen.ts';
import {
  type Input,
  inputMode,
  type Literal,
  literalText,
  type Output,
  OUTPUT_MODE,
} from './inputs-outputs.ts';
import type { Submission } from './job-head.ts';
import type { PipelineFile } from './pipeline-schema.ts';
import type { SourceFile } from './source-file.ts';

export interface Port {
  type: string;
  mode?: string | undefined;
}

const BINDING =
  /^\s*\$\{\{\s*parent\.(?:(inputs|outputs)\.([\w.]+)|jobs\.(\w+)\.(inputs|outputs)\.(\w+))\s*\}\}\s*$/;

/** True for `${{parent.…}}`. */
export const isBinding = (value: unknown): value is string =>
  typeof value === 'string' && /\$\{\{/.test(value);

/** Gives what a binding of a pipeline's step is bound to; throws where there is no such thing. */
export function portsOf(
  source: SourceFile,
  { inputs, outputs, jobs }: Pick<PipelineFile, 'inputs' | 'outputs' | 'jobs'>,
) {
  const portOf = (binding: string, at: readonly string[], depth = 0): Port => {
    const [, kind, name = '', job = '', kindOfJob, nameOfJob = ''] = BINDING.exec(binding) ?? [];
    const from = kind ?? kindOfJob;
    const isInput = from === 'inputs';
    if (from === undefined || depth > Object.keys(jobs).length)
      throw source.wrong(
        at,
        `found "${binding}", expected \${{parent.inputs.NAME}}, \${{parent.outputs.NAME}} or \${{parent.jobs.STEP.outputs.NAME}}`,
      );
    const step = kind === undefined ? jobs[job] : undefined;
    if (kind === undefined && step === undefined) throw source.wrong(at, `there is no step "${job}"`);
    const { inputs: into, outputs: out } = step ?? { inputs, outputs };
    const of: Record<string, Input | Output | string> = isInput ? into : out;
    const key = step ? nameOfJob : name;
    if (!Object.hasOwn(of, key)) {
      // A component declares outputs that its step need not name.
      if (step && !isInput && hasComponent(step)) return { type: 'uri_folder' };
      throw source.wrong(at, `found "${binding}", but there is no such ${isInput ? 'input' : 'output'}`);
    }
    const found = of[key] ?? null;
    const port = isBinding(found) ? portOf(found, at, depth + 1) : typed(found);
    // How another step reads or writes is no concern of this one.
    return step ? { type: port.type } : port;
  };
  return portOf;
}

const hasComponent = (step: object): boolean =>
  'trial' in step || Reflect.get(step, 'component') !== undefined;

/** The type that a component's input has for a value. */
export function typed(value: Input | Output | Literal): Port {
  if (isMap(value)) return given({ type: value.type, mode: value.mode });
  if (typeof value === 'boolean') return { type: 'boolean' };
  if (typeof value === 'number') return { type: Number.isInteger(value) ? 'integer' : 'number' };
  return { type: typeof value === 'string' ? 'string' : 'uri_folder' };
}

/** A step, and what it stands in. */
export interface StepPlace {
  submission: Submission;
  /** What a binding is bound to; throws where there is no such thing. */
  portOf(binding: string, at: readonly string[]): Port;
  /** Where in the file. */
  at: string[];
}

/** An input of a step, as the body of a pipeline has it. */
export function stepInput({ submission, portOf }: StepPlace, input: Input, at: string[]) {
  const { assets, source } = submission;
  if (input === null) throw source.wrong(at, 'has no value');
  const binding = isMap(input) ? input.path : input;
  if (isBinding(binding)) {
    portOf(binding, at);
    return { job_input_type: 'literal', value: binding, ...(isMap(input) && inputMode(input)) };
  }
  if (!isMap(input)) return { job_input_type: 'literal', value: literalText(source, at, input) };
  return {
    job_input_type: input.type,
    uri: dataUri(assets.workspace, source, at, input),
    ...inputMode(input),
  };
}

/** An output of a step, as the body of a pipeline has it. */
export function stepOutput(
  { submission, portOf }: StepPlace,
  output: Exclude<Output, null> | string,
  at: string[],
) {
  const { mode, path: uri, type: job_output_type } = isMap(output) ? output : { path: output };
  const rest = mode === undefined ? {} : { mode: OUTPUT_MODE[mode] };
  if (isBinding(uri)) {
    portOf(uri, at);
    return { type: 'literal', value: uri, ...rest };
  }
  if (job_output_type === undefined)
    throw submission.source.wrong(at, `found "${uri}", expected \${{parent.outputs.NAME}} or a map`);
  return given({ job_output_type, uri, ...rest });
}
