import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { modelReportSchema } from '../messages.ts';
import type { AgentSettings } from '../settings.ts';

const readySchema = z.object({
  url: z.string(),
  models: z.array(z.object({ name: z.string(), version: z.string() })),
});
const statusSchema = z.object({
  models: z.array(modelReportSchema),
  controller: z.object({ pid: z.int().nullable() }),
});
const answerSchema = z.object({
  model_version: z.string(),
  outputs: z.array(z.object({ name: z.string(), data: z.array(z.number()) })),
});

export interface RunningAgent {
  url: string;
  version: string;
  child: ChildProcess;
  log(): string;
  /** Doubles, triples, ... `x`: the version that answered and its number. */
  infer(x: number): Promise<{ status: number; version: string; y: number; body: unknown }>;
  status(): Promise<z.infer<typeof statusSchema>>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** What an agent printed on stdout before it ended instead of becoming ready. */
export interface FailedAgent {
  failed: string;
  exitCode: number | null;
}

const READY_MS = 10_000;

/** Starts the agent as a process and waits until it is ready or has ended; one that does neither is killed. */
export async function startAgent(settings: AgentSettings): Promise<RunningAgent | FailedAgent> {
  const child = spawnAgent(settings);
  const limit = setTimeout(() => child.kill('SIGKILL'), READY_MS);
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
  if (child.stdout === null) throw new Error('no stdout');
  const lines = createInterface(child.stdout);
  const ended = once(child, 'exit');
  const first = await Promise.race([
    once(lines, 'line').then(([line]) => String(line)),
    ended.then(() => ''),
  ]);
  clearTimeout(limit);
  const ready = readySchema.safeParse(first === '' ? undefined : JSON.parse(first));
  if (!ready.success) {
    await ended;
    return { failed: first === '' ? log : first, exitCode: child.exitCode };
  }
  const { url, models } = ready.data;
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await ended;
    return child.exitCode;
  };
  return {
    url,
    version: models[0]?.version ?? '',
    child,
    log: () => log,
    infer: (x) => infer(url, x),
    status: async () => statusSchema.parse(await (await fetch(`${url}/edgeloop/status`)).json()),
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
  };
}

/** The same for an agent that must become ready. */
export async function startReady(settings: AgentSettings): Promise<RunningAgent> {
  const agent = await startAgent(settings);
  if ('failed' in agent) throw new Error(`the agent did not become ready: ${agent.failed}`);
  return agent;
}

export function spawnAgent(settings: AgentSettings): ChildProcess {
  const program = fileURLToPath(new URL('./agent-process.ts', import.meta.url));
  return spawn(process.execPath, [program, JSON.stringify(settings)], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The JSON of an infer request for one row of the test models. */
export function rowOf(x: number): string {
  return JSON.stringify({ inputs: [{ name: 'x', shape: [1, 1], datatype: 'FP32', data: [x] }] });
}

async function infer(url: string, x: number) {
  const response = await fetch(`${url}/v2/models/line/infer`, { method: 'POST', body: rowOf(x) });
  const body: unknown = await response.json();
  const answer = answerSchema.safeParse(body).data;
  return {
    status: response.status,
    version: answer?.model_version ?? '',
    y: answer?.outputs[0]?.data[0] ?? NaN,
    body,
  };
}
