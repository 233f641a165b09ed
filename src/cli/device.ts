import { resolve } from 'node:path';
import { z } from 'zod';
import { controlRequest } from '../../edge-agent/controller/control-client.ts';
import { loadAgentConfig } from '../config/index.ts';
import { type CommonOptions, type Outcome, runVerb } from './run-verb.ts';

type DeviceOptions = CommonOptions & { state?: string };

const versionSchema = z.looseObject({ version: z.string() });

/** What `device` shows of a model; an agent of another version may tell more. */
const modelSchema = z.looseObject({
  name: z.string(),
  state: z.string(),
  version: z.string().nullable(),
  digest: z.string().nullable(),
  previous: versionSchema.nullable(),
  provider: z.string().nullable(),
  lastError: z.string().nullable(),
});
const statusSchema = z.object({ models: z.array(modelSchema) });
const outcomesSchema = z.object({
  models: z.array(z.looseObject({ model: z.string(), outcome: z.string(), reason: z.string().optional() })),
});
const rollbackSchema = z.looseObject({ from: versionSchema, to: versionSchema, rollbackMs: z.number() });

/** `edgeloop device status` */
export function deviceStatus(options: DeviceOptions): Promise<void> {
  return withAgent(options, async () => ({ facts: {}, lines: [] }));
}

/** `edgeloop device poll` */
export function devicePoll(options: DeviceOptions): Promise<void> {
  return withAgent(options, async (ask) => {
    const { models } = outcomesSchema.parse(await ask('POST', '/poll'));
    const lines = models.map(
      ({ model, outcome, reason }) => `${model}: ${outcome}${reason === undefined ? '' : `: ${reason}`}`,
    );
    return { facts: { outcomes: models }, lines };
  });
}

/** `edgeloop device rollback NAME` */
export function deviceRollback(model: string, options: DeviceOptions): Promise<void> {
  return withAgent(options, async (ask) => {
    const rollback = rollbackSchema.parse(await ask('POST', '/rollback', { model }));
    const { from, to, rollbackMs } = rollback;
    return {
      facts: { rollback },
      lines: [`${model}: back from ${from.version} to ${to.version} in ${rollbackMs.toFixed(1)} ms`],
    };
  });
}

type Ask = (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<unknown>;

/** Asks the agent for something, and shows what it serves afterwards. */
function withAgent(
  options: DeviceOptions,
  act: (ask: Ask) => Promise<{ facts: object; lines: string[] }>,
): Promise<void> {
  return runVerb(options, async ({ cwd, signal }): Promise<Outcome> => {
    const state =
      options.state === undefined
        ? loadAgentConfig(cwd, options.config, {}).state
        : resolve(cwd, options.state);
    const ask: Ask = (method, path, body) => controlRequest(state, method, path, body, signal);
    const { facts, lines } = await act(ask);
    const { models } = statusSchema.parse(await ask('GET', '/status'));
    const shown = models.map(({ name, version, state: at, previous, provider, lastError }) => {
      const warm = previous === null ? '' : `, ${previous.version} kept warm`;
      const problem = lastError === null ? '' : `\n  ${lastError}`;
      return `${name} ${version ?? 'serves nothing'} (${at}${provider === null ? '' : `, ${provider}`}${warm})${problem}`;
    });
    return { json: { ...facts, models }, text: [...lines, ...shown].join('\n') };
  });
}
