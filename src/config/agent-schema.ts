import semver from 'semver';
import { z } from 'zod';
import { nameSchema } from './names.ts';
import { durationSchema } from './units.ts';

const addressSchema = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'expected HOST:PORT such as 127.0.0.1:8080')
  .transform((text) => {
    const colon = text.lastIndexOf(':');
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
  })
  .refine(({ port }) => port <= 65_535, 'expected a port from 0 to 65535');

/** The schema of `agent.yaml` (DESIGN 8.3); every key is also a flag. */
export const agentConfigSchema = z.strictObject({
  state: z.string().min(1).describe('folder of the journal, the models and the control socket'),
  http: addressSchema.prefault('127.0.0.1:8080'),
  registry: z.string().min(1),
  channel: nameSchema.default('production'),
  poll: durationSchema.default(60_000),
  probation: durationSchema
    .default(30_000)
    .describe('how long a new version is watched before it is committed'),
  models: z
    .record(
      nameSchema,
      z.strictObject({
        accept: z
          .string()
          .refine((range) => semver.validRange(range) !== null, 'expected a semver range such as ^1.2.0')
          .default('*'),
      }),
    )
    .refine((models) => Object.keys(models).length > 0, 'expected at least one model'),
});

export type AgentConfig = z.output<typeof agentConfigSchema>;
