import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type RegistryKind, startRegistry } from '../test/fixtures/registries.ts';
import { prepareModel } from './parts/bench-model.ts';
import type { Benchmark, Run } from './parts/benchmark.ts';
import { installedTools, startTool, type ToolName, TOOLS } from './parts/registry-tools.ts';
import { median } from './parts/statistics.ts';

const BUDGET = { ofFastest: 1, megabytes: 100, smallSeconds: 0.15 };
const SMALL_BYTES = 5000;
const KINDS: RegistryKind[] = ['docker-registry', 'distribution'];
const DIRECTIONS = ['push', 'pull'] as const;

interface Figure {
  registry: RegistryKind;
  bytes: number;
  direction: (typeof DIRECTIONS)[number];
  tool: ToolName;
  seconds: number[];
  peakMegabytes: number;
}

/** How long a model takes to and from a registry, and how much memory, beside the tools that others use for it. */
export default {
  about: 'push and pull beside crane, oras, skopeo and curl: seconds, peak memory',
  defaults: { megabytes: 200, rounds: 7 },
  async measure(run: Run, { megabytes, rounds }: { megabytes: number; rounds: number }) {
    const figures: Figure[] = [];
    const wrong: string[] = [];
    const tools = installedTools();
    for (const kind of KINDS) {
      for (const bytes of [SMALL_BYTES, megabytes * 1e6]) {
        run.progress(`${kind}: ${bytes} bytes, ${rounds} rounds`);
        figures.push(...(await contest(run, { kind, tools, bytes, rounds, wrong })));
      }
    }
    return {
      tables: KINDS.map((kind) => ({
        title: `${kind}: medians of ${rounds} interleaved rounds (fastest to slowest round), peak memory`,
        head: ['', 'bytes', 'tool', 'seconds', 'rounds', 'of the fastest peer', 'MB', 'budget'],
        rows: figures.filter(({ registry }) => registry === kind).map((figure) => row(figure, figures)),
      })),
      notes: [
        'A push is of files (edgeloop, oras push), or of an image layout, whose digests are known (the others); each into a registry of its own.',
        'A pull leaves files (edgeloop, unpacked and synced to the disk), a layout, or the one blob (curl, the floor).',
      ],
      json: { figures },
      wrong,
    };
  },
} satisfies Benchmark;

interface Contest {
  kind: RegistryKind;
  tools: ToolName[];
  bytes: number;
  rounds: number;
  wrong: string[];
}

async function contest(run: Run, { kind, tools, bytes, rounds, wrong }: Contest): Promise<Figure[]> {
  const model = await prepareModel(run, bytes);
  const figures = new Map<string, Figure>();
  for (let round = 0; round < rounds; round += 1) {
    // Who comes first changes, so that nobody always finds the disk as another one left it.
    const order = tools.map((_, index) => tools[(index + round) % tools.length]).filter(isName);
    for (const tool of order) {
      // One of its own: skopeo remembers where it has seen a blob, and mounts it from there.
      await using registry = await startRegistry(kind);
      const target = join(run.scratch, 'pulled');
      const transfer = { ...model, host: registry.host, repository: 'models/bench', target };
      if (tool === 'curl') await startTool('crane', TOOLS.crane.push?.(transfer) ?? []).ended;
      for (const direction of DIRECTIONS) {
        const args = TOOLS[tool][direction]?.(transfer);
        if (args === undefined) continue;
        const { code, seconds, peakMegabytes, stderr } = await startTool(tool, args).ended;
        run.signal.throwIfAborted();
        if (code !== 0) wrong.push(`${tool} ${args.join(' ')} exited with ${code}: ${stderr}`);
        const key = `${direction} ${tool}`;
        const figure = figures.get(key) ?? {
          registry: kind,
          bytes,
          direction,
          tool,
          seconds: [],
          peakMegabytes,
        };
        figure.seconds.push(seconds);
        figure.peakMegabytes = Math.max(figure.peakMegabytes, peakMegabytes);
        figures.set(key, figure);
      }
      await rm(target, { recursive: true, force: true });
    }
  }
  await rm(model.folder, { recursive: true });
  await rm(model.layout, { recursive: true });
  return [...figures.values()].toSorted(
    (a, b) => DIRECTIONS.indexOf(a.direction) - DIRECTIONS.indexOf(b.direction),
  );
}

const isName = (name: ToolName | undefined): name is ToolName => name !== undefined;

function row(figure: Figure, all: Figure[]): string[] {
  const { registry, bytes, direction, tool, seconds, peakMegabytes } = figure;
  const own = median(seconds);
  const peers = all.filter(
    (other) =>
      other.registry === registry &&
      other.bytes === bytes &&
      other.direction === direction &&
      !['edgeloop', 'curl'].includes(other.tool),
  );
  const ratio = own / Math.min(...peers.map((peer) => median(peer.seconds)));
  return [
    direction,
    String(bytes),
    tool,
    own.toFixed(3),
    `${Math.min(...seconds).toFixed(3)}-${Math.max(...seconds).toFixed(3)}`,
    `${ratio.toFixed(2)}x`,
    peakMegabytes.toFixed(0),
    tool === 'edgeloop' ? verdict(bytes, own, ratio, peakMegabytes) : '',
  ];
}

function verdict(bytes: number, seconds: number, ratio: number, megabytes: number): string {
  const isFast = bytes === SMALL_BYTES ? seconds <= BUDGET.smallSeconds : ratio <= BUDGET.ofFastest;
  const time = bytes === SMALL_BYTES ? `<= ${BUDGET.smallSeconds} s` : '<= fastest peer';
  const fits = megabytes <= BUDGET.megabytes;
  return `${time}: ${isFast ? 'held' : 'MISSED'}, <= ${BUDGET.megabytes} MB: ${fits ? 'held' : 'MISSED'}`;
}
