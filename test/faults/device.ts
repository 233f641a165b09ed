import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { controlRequest } from '../../edge-agent/controller/control-client.ts';
import { modelReportSchema } from '../../edge-agent/messages.ts';
import { EdgeloopError } from '../../src/errors.ts';
import type { AgentSettings } from '../../edge-agent/settings.ts';
import { type LaunchedAgent, launchAgent, type RunningAgent } from '../fixtures/start-agent.ts';
import type { PowerCut } from './cut-power.ts';

/** A device of its own: a state folder, and a registry that can be out of reach. */
export interface Device {
  settings: AgentSettings;
  notes: string;
  /** Makes the registry reachable. */
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

const LIMIT_MS = 30_000;

/** A device with copies of a state folder and a registry. */
export async function makeDevice(root: string, state: string | undefined, registry: string): Promise<Device> {
  const folder = await mkdtemp(join(root, 'd-'));
  const away = join(folder, 'registry-away');
  const here = join(folder, 'registry');
  await cp(registry, away, { recursive: true });
  if (state !== undefined) await cp(state, join(folder, 's'), { recursive: true, filter: isNoSocket });
  else await mkdir(join(folder, 's'));
  return {
    settings: {
      state: join(folder, 's'),
      http: { host: '127.0.0.1', port: 0 },
      registry: `oci:${here}`,
      channel: 'production',
      pollMs: 3_600_000,
      models: { line: {} },
      probationMs: 600_000,
    },
    notes: join(folder, 'notes'),
    connect: () => rename(away, here),
    disconnect: () => rename(here, away),
  };
}

/** A socket cannot be copied, and the agent makes its own. */
function isNoSocket(path: string): boolean {
  return basename(path) !== 'control.sock';
}

/** The environment in which the journal's writes are noted, and the power is cut at one of them. */
export function powerCutEnvironment(root: string, order: PowerCut): NodeJS.ProcessEnv {
  return {
    NODE_OPTIONS: `--import=${new URL('./cut-power.ts', import.meta.url).href}`,
    POWER_CUT: JSON.stringify(order),
    ...compiled(root),
  };
}

/** Processes start in half the time when they need not compile what others have compiled. */
export function compiled(root: string): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: join(root, 'compiled') };
}

export function launch(device: Device, environment: NodeJS.ProcessEnv): LaunchedAgent {
  return launchAgent(device.settings, { environment, ownGroup: true });
}

/** Kills every process of the agent, whatever has become of it. */
export async function destroy(agent: LaunchedAgent): Promise<void> {
  try {
    process.kill(-(agent.child.pid ?? NaN), 'SIGKILL');
  } catch {
    // The group is gone.
  }
  await agent.ended;
}

/** The names of the journal's writes that were begun. */
export async function writesOf(device: Device): Promise<string[]> {
  return (await readFile(device.notes, 'utf8').catch(() => '')).split('\n').slice(0, -1);
}

/** Fails with the agent's log when it takes too long. */
export async function within<T>(agent: LaunchedAgent, what: string, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const limit = sleep(LIMIT_MS, undefined, { signal: over.signal }).then(() => {
    throw new Error(`not within ${LIMIT_MS} ms: ${what}\n${agent.log()}`);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    over.abort();
    limit.catch(() => undefined);
  }
}

const pollSchema = z.object({
  models: z.tuple([z.object({ outcome: z.string(), reason: z.string().optional() })]),
});

/** Resolves with the outcome of a poll that began after the agent had brought back what its journal says. */
export async function poll({ settings }: Device, agent: LaunchedAgent) {
  for (;;) {
    try {
      return pollSchema.parse(await controlRequest(settings.state, 'POST', '/poll')).models[0];
    } catch (error) {
      // Its socket is not there yet.
      if (!(error instanceof EdgeloopError && error.code === 'agent-not-running' && isRunning(agent)))
        throw error;
      await sleep(10);
    }
  }
}

function isRunning({ child }: LaunchedAgent): boolean {
  return child.exitCode === null && child.signalCode === null;
}

const reportsSchema = z.object({ models: z.tuple([modelReportSchema]) });

/** What the control socket says of the model. */
export async function controlStatus({ settings }: Device) {
  return reportsSchema.parse(await controlRequest(settings.state, 'GET', '/status')).models[0];
}

/** The agent when it answers. */
export async function answering(agent: LaunchedAgent): Promise<RunningAgent> {
  const running = await within(agent, 'to be ready', agent.started);
  if ('failed' in running) throw new Error(`the agent ended: ${running.failed}`);
  return running;
}

/** Runs `fill-journal.ts` on the device's state folder, in a process group of its own. */
export async function fillJournal(device: Device, environment: NodeJS.ProcessEnv): Promise<void> {
  const program = fileURLToPath(new URL('./fill-journal.ts', import.meta.url));
  const child = spawn(process.execPath, [program, device.settings.state], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...environment },
    detached: true,
  });
  await once(child, 'exit');
}
