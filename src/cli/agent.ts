import { runAgent } from '../../edge-agent/agent.ts';
import { loadAgentConfig } from '../config/index.ts';
import { misuse } from '../errors.ts';
import { createLog } from './log.ts';
import { version as programVersion } from './version.ts';
import { type CommonOptions, printOutcome, runVerb } from './run-verb.ts';

interface AgentOptions extends CommonOptions {
  state?: string;
  http?: string;
  registry?: string;
  channel?: string;
  poll?: string;
  probation?: string;
  model?: string[];
}

/** `edgeloop agent [--config agent.yaml]`: runs until SIGINT or SIGTERM, and prints one line when it is ready. */
export default function agent(options: AgentOptions): Promise<void> {
  return runVerb(options, async ({ cwd, signal }) => {
    const { poll, probation, ...config } = loadAgentConfig(cwd, options.config, flagsOf(options));
    await runAgent(
      { ...config, pollMs: poll, probationMs: probation },
      {
        log: createLog(options.logLevel, { json: process.stderr.isTTY !== true }),
        signal,
        programVersion,
        onReady: (ready) => {
          const models = ready.models.map(({ name, version }) => `${name} ${version}`).join(', ');
          printOutcome({ json: ready, text: `ready: ${ready.url} serves ${models}` }, options.json === true);
        },
      },
    );
    return undefined;
  });
}

function flagsOf({
  state,
  http,
  registry,
  channel,
  poll,
  probation,
  model,
}: AgentOptions): Record<string, unknown> {
  const models = model && Object.fromEntries(model.map(parseModel));
  const flags = { state, http, registry, channel, poll, probation, models };
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

function parseModel(text: string): [string, { accept?: string }] {
  const [, name, accept] = /^([^=]+)(?:=(.+))?$/.exec(text) ?? [];
  if (name === undefined)
    throw misuse('usage', `--model "${text}" is not NAME or NAME=RANGE`, 'For example: --model churn=^1.0.0');
  return [name, accept === undefined ? {} : { accept }];
}
