import { z } from 'zod';
import type { ServiceTraining } from '../../../training/index.ts';
import type { JobData } from '../submit/job-body.ts';
import { MODEL_OUTPUT } from '../job-names.ts';
import { dataUri } from './assets.ts';
import { given, mapped } from './camel.ts';
import { chosen, isMap, notTaken, word } from './chosen.ts';
import type { SourceFile } from './source-file.ts';

/** What data or a model may be. */
export const TYPES = [
  'uri_folder',
  'uri_file',
  'mltable',
  'mlflow_model',
  'custom_model',
  'triton_model',
] as const;

/** How a job file names what Azure's API names otherwise. */
export const INPUT_MODE = {
  ro_mount: 'ReadOnlyMount',
  mount: 'ReadOnlyMount',
  rw_mount: 'ReadWriteMount',
  download: 'Download',
  direct: 'Direct',
  eval_mount: 'EvalMount',
  eval_download: 'EvalDownload',
} as const;

export const OUTPUT_MODE = {
  rw_mount: 'ReadWriteMount',
  mount: 'ReadWriteMount',
  upload: 'Upload',
  direct: 'Direct',
} as const;

const keysOf = <Map extends object>(map: Map) => Object.keys(map) as (keyof Map & string)[];

export const literalSchema = z.union(
  [z.string(), z.number(), z.boolean()],
  'expected a text, a number, true or false',
);

const dataSchema = z.strictObject({
  type: word(...TYPES).default('uri_folder'),
  path: z.string().min(1).optional(),
  mode: word(...keysOf(INPUT_MODE)).optional(),
  description: z.string().optional(),
});

const outputSchema = z.strictObject({
  type: word(...TYPES).default('uri_folder'),
  path: z.string().min(1).optional(),
  mode: word(...keysOf(OUTPUT_MODE)).optional(),
  description: z.string().optional(),
  name: notTaken('a job of Edgeloop registers nothing: a release does; leave it out'),
  version: notTaken('a job of Edgeloop registers nothing: a release does; leave it out'),
});

export type DataInput = z.output<typeof dataSchema>;
export type Literal = z.output<typeof literalSchema>;
export type Input = DataInput | Literal | null;
export type Output = z.output<typeof outputSchema> | null;

const ioName = z
  .string()
  .regex(/^[A-Za-z_]\w*$/, 'expected a letter or "_" first, then letters, digits and "_"');

/** By name: data, a literal, or nothing yet. */
export const inputsSchema = z
  .record(
    ioName,
    chosen<z.ZodType<Input>>((value) =>
      value === null ? z.null() : isMap(value) ? dataSchema : literalSchema,
    ),
  )
  .default({});

export const outputsSchema = z
  .record(
    ioName,
    chosen<z.ZodType<Output>>((value) => (value === null ? z.null() : outputSchema)),
  )
  .default({});

/** The same within a pipeline, where an output may be one of the pipeline's own: `${{parent.outputs.NAME}}`. */
export const stepOutputsSchema = z
  .record(
    ioName,
    chosen<z.ZodType<Output | string>>((value) =>
      value === null ? z.null() : typeof value === 'string' ? z.string() : outputSchema,
    ),
  )
  .default({});

/** The input that gets the training data. */
const TRAIN = 'train';
/** What Azure ML takes as a literal (description of 2022-10-01, `LiteralJobInput`). */
const LITERAL = /[a-zA-Z0-9_]/;

interface Bound {
  params: ServiceTraining['params'];
  data: JobData | undefined;
}

/** A job's inputs with the training data and the params in their places. */
export function boundInputs(
  source: SourceFile,
  inputs: Record<string, Input>,
  { params, data }: Bound,
): Record<string, Literal | DataInput> {
  for (const name of Object.keys(params)) {
    if (name === TRAIN || isMap(inputs[name]))
      throw source.wrong(['inputs', name], `is data, and the param "${name}" of edgeloop.yaml a value`);
    if (!Object.hasOwn(inputs, name))
      throw source.wrong(
        ['inputs', name],
        'missing: edgeloop.yaml has a param of that name; declare it, or a sweep or a constant decides and the param has to go',
      );
  }
  const bound = mapped({ ...inputs, ...params }, (value, name) => {
    if (value === null && name !== TRAIN)
      throw source.wrong(['inputs', name], 'has no value, and edgeloop.yaml has no param of that name');
    return value;
  });
  return { ...bound, [TRAIN]: trainInput(source, inputs[TRAIN], data) } as Record<
    string,
    Literal | DataInput
  >;
}

function trainInput(source: SourceFile, train: Input | undefined, data: JobData | undefined): DataInput {
  const at = ['inputs', TRAIN];
  if (!isMap(train))
    throw source.wrong(at, 'expected an input with "type: uri_folder": it gets the training data');
  if (train.type.startsWith('uri_') && data !== undefined && train.type !== data.type)
    throw source.wrong([...at, 'type'], `found ${train.type}, but the training data are a ${data.type}`);
  return { ...train, path: data?.id };
}

/** As the body of a job has them. */
export function jobInputs(
  workspace: string,
  source: SourceFile,
  inputs: Record<string, Literal | DataInput>,
) {
  return mapped(inputs, (input, name) => {
    const at = ['inputs', name];
    if (!isMap(input)) return { jobInputType: 'literal' as const, value: literalText(source, at, input) };
    const uri = name === TRAIN ? (input.path ?? '') : dataUri(workspace, source, at, input);
    return given({ jobInputType: input.type, uri, ...inputMode(input), description: input.description });
  });
}

export const inputMode = ({ mode }: DataInput) => (mode === undefined ? {} : { mode: INPUT_MODE[mode] });

/** As Python writes a value, since that is what a script of Azure ML's expects: `True`. */
export function literalText(source: SourceFile, at: string[], value: Literal): string {
  const text = typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value);
  if (LITERAL.test(text)) return text;
  throw source.wrong(
    at,
    `found ${JSON.stringify(text)}; Azure ML takes no value without a letter or a digit`,
  );
}

/** A job's outputs; `model` goes to `modelUri`, or where the service puts it. */
export function jobOutputs(
  source: SourceFile,
  outputs: Record<string, Output>,
  modelUri: string | undefined,
) {
  const model = outputs[MODEL_OUTPUT];
  if (model === undefined)
    throw source.wrong(
      ['outputs', MODEL_OUTPUT],
      'missing: expected an output folder, which holds the model.onnx',
    );
  if (model?.type === 'uri_file')
    throw source.wrong(
      ['outputs', MODEL_OUTPUT, 'type'],
      'expected uri_folder: the model and all that belongs to it',
    );
  return mapped(outputs, (output, name) =>
    given({
      jobOutputType: output?.type ?? ('uri_folder' as const),
      uri: name === MODEL_OUTPUT ? modelUri : output?.path,
      mode: output?.mode && OUTPUT_MODE[output.mode],
      description: output?.description,
    }),
  );
}

/** Throws for a placeholder of a command that nothing gives a value to. */
export function checkPlaceholders(
  source: SourceFile,
  at: (string | number)[],
  command: string,
  known: { inputs: object; outputs: object; search_space?: object },
): void {
  for (const [all, kind = '', name = ''] of command.matchAll(
    /\$\{\{\s*(inputs|outputs|search_space)\.([\w.-]+)\s*\}\}/g,
  )) {
    const of =
      kind === 'inputs' ? known.inputs : kind === 'outputs' ? known.outputs : (known.search_space ?? {});
    // A step of a sweep in a pipeline has what is searched among its inputs.
    if (!Object.hasOwn(of, name))
      throw source.wrong(at, `${all} stands for nothing: "${kind}" has no "${name}"`);
  }
}
