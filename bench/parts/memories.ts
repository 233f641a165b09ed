import type { Agent } from './agent.ts';
import { type Memory, memoryOf } from './process-figures.ts';

/** Memory of the agent's processes and of their peer at one moment. */
export interface Memories {
  gateway: Memory;
  controller: Memory;
  /** The largest of the session hosts. */
  host: Memory;
  /** Bare onnxruntime-node with a model of the same line. */
  bare: Memory;
}

export async function memoryNow(agent: Agent, bare: number): Promise<Memories> {
  const { gateway, controller, hosts } = await agent.pids();
  const each = await Promise.all(hosts.map(memoryOf));
  const largest = each.toSorted((a, b) => b.pss - a.pss)[0];
  if (largest === undefined) throw new Error('the agent has no session host');
  return {
    gateway: await memoryOf(gateway),
    controller: await memoryOf(controller),
    host: largest,
    bare: await memoryOf(bare),
  };
}
