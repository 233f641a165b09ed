import { given } from './camel.ts';
import { isMap } from './chosen.ts';
import type { Input, Literal, Output } from './io-schema.ts';
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
