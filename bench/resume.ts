import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FaultProxy, startFaultProxy } from '../test/fakes/fault-proxy.ts';
import type { Fault } from '../test/fakes/faults.ts';
import { type RegistryKind, startRegistry } from '../test/fixtures/registries.ts';
import type { Benchmark, Run } from './parts/benchmark.ts';
import { prepareModel } from './parts/bench-model.ts';
import { installedTools, startTool, type ToolName, TOOLS, type Transfer } from './parts/registry-tools.ts';

const BUDGET = 1.02;
const KINDS: RegistryKind[] = ['docker-registry', 'distribution'];
const BLOBS = { method: 'GET', path: /\/blobs\// };
/** Runs until a pull has ended, at most. */
const MOST_RUNS = 15;

/** What happens to the line or to the tool. */
interface Case {
  name: string;
  fault(bytes: number): Fault | undefined;
  /** How many requests the fault meets. */
  times: number;
  isKilled?: boolean;
}

const CASES: Case[] = [
  {
    name: 'cut once at 50 %',
    fault: (bytes) => ({ fault: 'drop', of: 'answer', afterBytes: bytes / 2 }),
    // The first answer that is long enough is cut; the card's and the configuration's are not.
    times: 1,
  },
  { name: 'SIGKILL at 50 %, run again', fault: () => undefined, times: 0, isKilled: true },
  {
    name: 'cut every 10 %',
    fault: (bytes) => ({ fault: 'drop', of: 'answer', afterBytes: bytes / 10 }),
    times: Number.POSITIVE_INFINITY,
  },
];

interface Figure {
  registry: RegistryKind;
  case: string;
  tool: ToolName;
  /** Bytes received / size of the model. */
  ratio: number;
  ended: boolean;
}

/** How many bytes a pull costs when it is interrupted, beside other tools. */
export default {
  about: 'bytes that an interrupted pull costs, beside crane, oras, skopeo and curl',
  defaults: { megabytes: 50 },
  async measure(run: Run, { megabytes }: { megabytes: number }) {
    const bytes = megabytes * 1e6;
    const tools = installedTools().filter((name) => TOOLS[name].pull !== undefined);
    const model = await prepareModel(run, bytes);
    const figures: Figure[] = [];
    for (const kind of KINDS) {
      await using registry = await startRegistry(kind);
      const place = { ...model, host: registry.host, repository: 'models/bench' };
      await startTool('crane', TOOLS.crane.push?.({ ...place, target: '' }) ?? []).ended;
      for (const each of CASES) {
        for (const tool of tools) {
          run.progress(`${kind}: ${each.name}: ${tool}`);
          const target = join(run.scratch, 'pulled');
          await using proxy = await startFaultProxy(registry.url);
          const ended = await pullThrough(
            run,
            proxy,
            tool,
            { ...place, host: proxy.host, target },
            each,
            bytes,
          );
          figures.push({
            registry: kind,
            case: each.name,
            tool,
            ratio: proxy.bytes(BLOBS).answer / bytes,
            ended,
          });
          await removePulled(run.scratch, target);
        }
      }
    }
    const own = figures.filter(({ tool }) => tool === 'edgeloop');
    return {
      tables: KINDS.map((kind) => ({
        title: `${kind}: bytes received / size of the model (${megabytes} MB)`,
        head: ['', ...tools, 'budget for edgeloop'],
        rows: CASES.map(({ name }) =>
          row(
            name,
            figures.filter((figure) => figure.registry === kind && figure.case === name),
          ),
        ),
      })),
      notes: [
        `A tool that gives up is run again, ${MOST_RUNS} times at most. curl is run with --continue-at -.`,
      ],
      json: { figures },
      wrong: own.filter(({ ended }) => !ended).map((figure) => `edgeloop did not end: ${figure.case}`),
    };
  },
} satisfies Benchmark;

function row(name: string, figures: Figure[]): string[] {
  const cells = figures.map(({ ratio, ended }) => `${ratio.toFixed(3)}${ended ? '' : ' (never ended)'}`);
  const own = figures.find(({ tool }) => tool === 'edgeloop');
  const held = own !== undefined && own.ended && own.ratio <= BUDGET;
  return [name, ...cells, `<= ${BUDGET}: ${held ? 'held' : 'MISSED'}`];
}

/** Runs a tool until its pull has ended; false when it never does. */
async function pullThrough(
  run: Run,
  proxy: FaultProxy,
  tool: ToolName,
  transfer: Transfer,
  { fault, times, isKilled }: Case,
  bytes: number,
): Promise<boolean> {
  const args = TOOLS[tool].pull?.(transfer) ?? [];
  const what = fault(bytes);
  if (what !== undefined) proxy.fault(what, { ...BLOBS, path: new RegExp(transfer.blob), times });
  if (isKilled === true) {
    proxy.fault({ fault: 'slow', of: 'answer', bytesPerSecond: bytes / 3 }, { ...BLOBS, times: 10 });
    const { child, ended } = startTool(tool, args);
    while (proxy.bytes(BLOBS).answer < bytes / 2 && child.exitCode === null) await sleep(2);
    child.kill('SIGKILL');
    await ended;
    proxy.heal();
  }
  for (let runs = 0; runs < MOST_RUNS; runs += 1) {
    run.signal.throwIfAborted();
    if ((await startTool(tool, args).ended).code === 0) return true;
  }
  return false;
}

/** The target, and what an unfinished pull has left beside it. */
async function removePulled(scratch: string, target: string): Promise<void> {
  await rm(target, { recursive: true, force: true });
  await rm(join(scratch, '.pulled.partial'), { recursive: true, force: true });
}
