import semver from 'semver';
import { z } from 'zod';
import { notEmpty } from './maps.ts';
import { nameSchema } from './names.ts';
import { durationSchema } from './units.ts';

// Descriptions and examples go into schema/agent.schema.json, where editors find them.

const addressSchema = z
  .string()
  .regex(
    /^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$/,
    'expected HOST:PORT such as 127.0.0.1:8080, with a port from 0 to 65535',
  )
  .transform((text) => {
    const colon = text.lastIndexOf(':');
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
  });

const modelSchema = z.strictObject({
  accept: z
    .string()
    .refine((range) => semver.validRange(range) !== null, 'expected a semver range such as ^1.2.0')
    .default('*')
    .meta({
      description:
        "Versions that may be swapped in without anybody's consent: a semver range. Default: *, every version.",
      examples: ['^1.2.0', '>=1.0.0 <3.0.0'],
    }),
});

/** The schema of `agent.yaml` (DESIGN 8.3); every key is also a flag. */
export const agentConfigSchema = z.strictObject({
  state: z
    .string()
    .min(1)
    .meta({
      description:
        "The device's own folder, relative to this file: fetched models, the journal and the control socket.",
      examples: ['.edgeloop/agent', '/var/lib/edgeloop'],
    }),
  http: addressSchema.prefault('127.0.0.1:8080').meta({
    description:
      'Where the agent answers: Open Inference Protocol over HTTP, /metrics and /edgeloop/status. HOST:PORT, port 0 for ' +
      'any free one. Default: 127.0.0.1:8080.',
    examples: ['127.0.0.1:8080', '0.0.0.0:8080', '[::1]:8080'],
  }),
  registry: z
    .string()
    .min(1)
    .meta({
      description: 'Where models come from: oci:FOLDER, relative to this file, or HOST/REPOSITORY.',
      examples: ['oci:.edgeloop/registry', 'ghcr.io/OWNER/REPO'],
    }),
  channel: nameSchema.default('production').meta({
    description: 'The channel that this device follows. Default: production.',
    examples: ['canary'],
  }),
  poll: durationSchema.prefault('60s').meta({
    description: 'How often the channel is looked at: a number with ms, s, m or h. Default: 60s.',
    examples: ['60s', '5m'],
  }),
  probation: durationSchema.prefault('30s').meta({
    description:
      'How long a new version is watched before it is committed: a number with ms, s, m or h. Default: 30s.',
    examples: ['30s', '10m'],
  }),
  models: notEmpty(
    z.record(nameSchema, modelSchema.describe('One model that this device serves.')),
    'model',
  ).describe('At least one model by its name, as in edgeloop.yaml.'),
});

export type AgentConfig = z.output<typeof agentConfigSchema>;
