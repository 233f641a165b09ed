import { z } from 'zod';
import { byType, word } from './chosen.ts';
import { INPUT_MODE, literalSchema, OUTPUT_MODE } from './io-schema.ts';
import { distributionSchema, environmentSchema, resourcesSchema } from './settings-schema.ts';

const described = { description: z.string().optional() };
const optional = { optional: z.boolean().optional() };
const bound = z.union([z.number(), z.string()]).optional();

const port = (type: string) =>
  z.strictObject({
    type: word(type),
    mode: word(...Object.keys(INPUT_MODE)).optional(),
    ...optional,
    ...described,
  });

const parameter = (type: string) =>
  z.strictObject({
    type: word(type),
    default: literalSchema.optional(),
    min: bound,
    max: bound,
    enum: z.array(z.coerce.string()).optional(),
    ...optional,
    ...described,
  });

const PORTS = ['uri_folder', 'uri_file', 'mltable', 'mlflow_model', 'custom_model', 'triton_model'];
const PARAMETERS = ['string', 'number', 'integer', 'boolean'];
const named = <Schema>(names: string[], make: (name: string) => Schema) =>
  Object.fromEntries(names.map((name) => [name, make(name)]));

/** A command component in a file or in a pipeline: azure-ai-ml, `CommandComponentSchema`. */
export const componentSchema = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().optional(),
  version: z.coerce.string().optional(),
  type: word('command').default('command'),
  display_name: z.string().optional(),
  description: z.string().optional(),
  tags: z.record(z.string(), z.coerce.string()).optional(),
  is_deterministic: z.boolean().default(true),
  inputs: z
    .record(z.string(), byType<z.ZodObject>({ ...named(PORTS, port), ...named(PARAMETERS, parameter) }))
    .default({}),
  outputs: z
    .record(
      z.string(),
      z.strictObject({
        type: word(...PORTS).default('uri_folder'),
        mode: word(...Object.keys(OUTPUT_MODE)).optional(),
        ...described,
      }),
    )
    .default({}),
  command: z.string().min(1),
  code: z.string().min(1).optional(),
  environment: environmentSchema,
  resources: resourcesSchema.optional(),
  distribution: distributionSchema.optional(),
});

export type Component = z.output<typeof componentSchema>;
