import { z } from 'zod';
import { chosen, isMap, notTaken, word } from './chosen.ts';

const TYPES = ['uri_folder', 'uri_file', 'mltable', 'mlflow_model', 'custom_model', 'triton_model'] as const;

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
