import { z } from 'zod';
import { chosen, isMap, word } from './chosen.ts';
import { componentSchema } from './component.ts';
import { inputsSchema, outputsSchema, stepOutputsSchema } from './inputs-outputs.ts';
import {
  commandSettings,
  computeSchema,
  environmentSchema,
  identitySchema,
  jobSettings,
  limitsSchema,
  QUEUE,
  serviceSchema,
} from './settings.ts';
import { sweepSettings } from './sweep.ts';

const texts = z.record(z.string(), z.coerce.string());

/** A component within the file, a file with one, or one that is registered. */
const componentRef = chosen<z.ZodType<z.output<typeof componentSchema> | string>>((value) =>
  isMap(value) ? componentSchema : z.string().min(1),
);

const stepSettings = {
  display_name: z.string().optional(),
  description: z.string().optional(),
  comment: z.string().optional(),
  tags: texts.optional(),
  properties: texts.optional(),
  compute: computeSchema.optional(),
  inputs: inputsSchema,
  outputs: stepOutputsSchema,
};

const commandStep = z
  .strictObject({
    type: word('command').default('command'),
    ...stepSettings,
    ...commandSettings,
    command: commandSettings.command.optional(),
    environment: environmentSchema.optional(),
    component: componentRef.optional(),
    limits: limitsSchema.optional(),
    identity: identitySchema.optional(),
    services: z.record(z.string(), serviceSchema).optional(),
    queue_settings: QUEUE,
  })
  .superRefine(({ component, command, code, environment }, context) => {
    const wrong = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message, input: undefined });
    if (component === undefined) {
      if (command === undefined)
        wrong('command', 'missing: expected "command" and "environment", or "component"');
      else if (environment === undefined) wrong('environment', 'missing: what the command has installed');
      return;
    }
    if (command !== undefined) wrong('command', 'expected either "command" or "component", not both');
    if (code !== undefined) wrong('code', 'not expected beside "component", which has its own');
    if (environment !== undefined) wrong('environment', 'not expected beside "component", which has its own');
  });

const sweepStep = z.strictObject({
  type: word('sweep'),
  ...stepSettings,
  ...sweepSettings,
  trial: componentRef,
});

export type CommandStep = z.output<typeof commandStep>;
export type SweepStep = z.output<typeof sweepStep>;
export type Step = CommandStep | SweepStep;

const stepSchema = chosen<z.ZodType<Step>>((value) => {
  const type: unknown = isMap(value) ? (Reflect.get(value, 'type') ?? 'command') : undefined;
  if (type === 'command') return commandStep;
  if (type === 'sweep') return sweepStep;
  return 'expected a step of the type command or sweep; others Edgeloop cannot submit';
});

/** A job file of the type pipeline: azure-ai-ml, `PipelineJobSchema`. */
export const pipelineFileSchema = z.strictObject({
  ...jobSettings,
  type: word('pipeline'),
  inputs: inputsSchema,
  outputs: outputsSchema,
  settings: z
    .strictObject({
      default_compute: computeSchema.optional(),
      default_datastore: z
        .string()
        .regex(/^(azureml:)?[\w-]+$/, 'expected azureml:NAME, a datastore of the workspace')
        .optional(),
      continue_on_step_failure: z.boolean().optional(),
      force_rerun: z.boolean().optional(),
    })
    .default({}),
  jobs: z.record(
    z.string().regex(/^[a-z_][a-z0-9_]*$/, 'expected small letters, digits and "_"'),
    stepSchema,
  ),
});

export type PipelineFile = z.output<typeof pipelineFileSchema>;
