import { z } from 'zod';

/** What an agent is told: state folder (absolute), where to listen, what to follow. Times in milliseconds. */
export const agentSettingsSchema = z.strictObject({
  state: z.string().min(1),
  http: z.strictObject({ host: z.string().min(1), port: z.int().min(0).max(65_535) }),
  /** `oci:` and a folder with one image layout per model. */
  registry: z.string().min(1),
  channel: z.string().min(1),
  pollMs: z.int().positive(),
  /** By model name; `accept` is the semver range of what may be swapped in by itself. */
  models: z.record(z.string(), z.strictObject({ accept: z.string().optional() })),
  /** How long a new version is watched before it is committed. Default 30 s. */
  probationMs: z.int().nonnegative().optional(),
});

export type AgentSettings = z.infer<typeof agentSettingsSchema>;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type Log = (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
