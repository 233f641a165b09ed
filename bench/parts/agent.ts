import { z } from 'zod';
import { http } from '../../src/http.ts';
import type { Run } from './benchmark.ts';
import { PROGRAM } from './program.ts';
import { childrenOf, cpuSecondsOf } from './process-figures.ts';

export interface Agent {
  url: string;
  host: string;
  port: number;
  /** State folder: its control socket lies there. */
  state: string;
  /** The agent's processes as they are now. */
  pids(): Promise<{ gateway: number; controller: number; hosts: number[] }>;
  end(): Promise<void>;
}

const readySchema = z.object({ url: z.string() });
const statusSchema = z.object({
  gateway: z.object({ pid: z.int() }),
  controller: z.object({ pid: z.int() }),
});

/** Starts the built agent on a free port of loopback; it looks at its channel only when it is asked to. */
export async function startAgent(run: Run, registry: string, models: readonly string[]): Promise<Agent> {
  const state = `${run.scratch}/agent`;
  const profiling = run.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${run.profile}`];
  const following = ['--registry', registry, '--channel', 'production', '--poll', '1h', '--state', state];
  const named = models.flatMap((model) => ['--model', model]);
  const args = ['agent', '--http', '127.0.0.1:0', '--json', ...following, ...named];
  const { firstLine, end } = await run.processes.start(process.execPath, [...profiling, PROGRAM, ...args], {
    cwd: run.scratch,
  });
  const { url } = readySchema.parse(JSON.parse(firstLine));
  const { hostname, port } = new URL(url);
  return {
    url,
    host: hostname,
    port: Number(port),
    state,
    end,
    async pids() {
      const status = statusSchema.parse(JSON.parse((await http(`${url}/edgeloop/status`)).body.toString()));
      const [gateway, controller] = [status.gateway.pid, status.controller.pid];
      return { gateway, controller, hosts: (await childrenOf(gateway)).filter((pid) => pid !== controller) };
    },
  };
}

/** Processor time of the agent's processes so far, seconds. */
export async function agentCpu(agent: Agent): Promise<{ gateway: number; hosts: number }> {
  const { gateway, hosts } = await agent.pids();
  const each = await Promise.all(hosts.map(cpuSecondsOf));
  return { gateway: await cpuSecondsOf(gateway), hosts: each.reduce((sum, seconds) => sum + seconds, 0) };
}
