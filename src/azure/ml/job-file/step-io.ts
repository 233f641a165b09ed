import { dataUri } from './assets.ts';
import { given } from './camel.ts';
import { isMap } from './chosen.ts';
import { type Input, type Output, OUTPUT_MODE } from './io-schema.ts';
import { inputMode, literalText } from './io-rest.ts';
import type { Submission } from './job-head.ts';
import { isBinding, type Port } from './step-types.ts';

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
