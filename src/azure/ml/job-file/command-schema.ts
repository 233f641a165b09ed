import { z } from 'zod';
import { word } from './chosen.ts';
import { inputsSchema, outputsSchema } from './inputs-outputs.ts';
import { commandSettings, jobSettings, limitsSchema, QUEUE, serviceSchema } from './settings.ts';

/** A job file of the type command: azure-ai-ml, `CommandJobSchema`. */
export const commandFileSchema = z.strictObject({
  ...jobSettings,
  type: word('command').default('command'),
  ...commandSettings,
  inputs: inputsSchema,
  outputs: outputsSchema,
  limits: limitsSchema.optional(),
  services: z.record(z.string(), serviceSchema).optional(),
  queue_settings: QUEUE,
});

export type CommandFile = z.output<typeof commandFileSchema>;
