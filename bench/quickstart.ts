import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Benchmark, Run } from './parts/benchmark.ts';
import { childrenOf, memoryOf } from './parts/process-figures.ts';
import { PROGRAM } from './parts/program.ts';
import { median } from './parts/statistics.ts';

const BUDGET = { seconds: 60, p99Ratio: 1.1, rollbackMs: 100, gatewayMb: 70, controllerMb: 70 };
const SAMPLE_MS = 500;

const toldSchema = z.object({
  ok: z.boolean(),
  seconds: z.number(),
  failures: z.array(z.string()),
  load: z.object({ requests: z.int(), failed: z.int(), p99SteadyMs: z.number() }),
  rollbackMs: z.number(),
  restartMs: z.number(),
  swaps: z.array(z.object({ version: z.string(), by: z.string(), swapMs: z.number(), p99Ms: z.number() })),
  steps: z.array(z.object({ title: z.string(), seconds: z.number() })),
});
const lockSchema = z.object({ gateway: z.string(), controller: z.string() });

/** The most that each of the agent's processes took in one run, PSS in MB. */
interface Peaks {
  gateway: number;
  controller: number;
  /** The largest session host. */
  host: number;
}

type Told = z.infer<typeof toldSchema> & { memory: Peaks };

/** The story that a newcomer sees: how long it takes, what a swap costs, how fast a rollback is, and memory. */
export default {
  about: 'the quickstart: seconds in all and per step, p99 around each swap, rollback, memory',
  defaults: { runs: 3 },
  async measure(run: Run, { runs }: { runs: number }) {
    const told: Told[] = [];
    for (let index = 1; index <= runs; index += 1) {
      run.progress(`run ${index} of ${runs}`);
      told.push(await quickstart(run, join(run.scratch, `run-${index}`)));
    }
    const figures = medians(told);
    return {
      tables: tables(figures, runs),
      notes: [
        'p99 ratio: latency due from the command that asks for the version until 500 ms after its first answer,',
        'against the pauses in which nothing else runs. The swaps are few: a ratio is that of the slowest few requests.',
        'A command that asks is a Node process of its own; its start is part of "to first answer".',
        'Memory: the most that was seen at intervals of half a second, two versions loaded around a swap.',
      ],
      json: { runs: told, ...figures },
      wrong: told.flatMap(({ load: { failed, requests }, failures }, index) =>
        failed === 0
          ? []
          : [`run ${index + 1}: ${failed} of ${requests} requests failed: ${failures.join('; ')}`],
      ),
    };
  },
} satisfies Benchmark;

async function quickstart(run: Run, workdir: string): Promise<Told> {
  const args = [PROGRAM, 'quickstart', '--json', '--workdir', workdir];
  const ended = new AbortController();
  const [printed, memory] = await Promise.all([
    run.processes.run(process.execPath, args, { cwd: run.scratch }).finally(() => ended.abort()),
    watchMemory(join(workdir, 'churn/.edgeloop/agent'), ended.signal),
  ]);
  return { ...toldSchema.parse(JSON.parse(printed)), memory };
}

async function watchMemory(state: string, ended: AbortSignal): Promise<Peaks> {
  const peaks = { gateway: 0, controller: 0, host: 0 };
  while (!ended.aborted) {
    // Between two of its processes, and when it is killed, there is nothing to read for a moment.
    const now = await memoryOfAgent(state).catch(() => undefined);
    peaks.gateway = Math.max(peaks.gateway, now?.gateway ?? 0);
    peaks.controller = Math.max(peaks.controller, now?.controller ?? 0);
    peaks.host = Math.max(peaks.host, now?.host ?? 0);
    await sleep(SAMPLE_MS, undefined, { signal: ended }).catch(() => undefined);
  }
  return peaks;
}

/** The lock of the state folder names the agent's processes, each by process id and start. */
async function memoryOfAgent(state: string): Promise<Peaks> {
  const lock = lockSchema.parse(JSON.parse(await readFile(join(state, 'agent.lock'), 'utf8')));
  const [gateway, controller] = [lock.gateway, lock.controller].map((name) => Number.parseInt(name, 10));
  if (gateway === undefined || controller === undefined) throw new Error('the lock names no processes');
  const hosts = (await childrenOf(gateway)).filter((pid) => pid !== controller);
  const each = await Promise.all(hosts.map(memoryOf));
  return {
    gateway: (await memoryOf(gateway)).pss,
    controller: (await memoryOf(controller)).pss,
    host: Math.max(0, ...each.map(({ pss }) => pss)),
  };
}

function medians(told: readonly Told[]) {
  const of = (value: (one: Told) => number) => median(told.map(value));
  const [first] = told;
  return {
    seconds: of(({ seconds }) => seconds),
    steps: (first?.steps ?? []).map(({ title }, index) => ({
      title,
      seconds: of(({ steps }) => steps[index]?.seconds ?? NaN),
    })),
    requests: of(({ load }) => load.requests),
    p99SteadyMs: of(({ load }) => load.p99SteadyMs),
    swaps: (first?.swaps ?? []).map(({ version, by }, index) => ({
      version,
      by,
      swapMs: of(({ swaps }) => swaps[index]?.swapMs ?? NaN),
      p99Ms: of(({ swaps }) => swaps[index]?.p99Ms ?? NaN),
      p99Ratio: of(({ swaps, load }) => (swaps[index]?.p99Ms ?? NaN) / load.p99SteadyMs),
    })),
    rollbackMs: of(({ rollbackMs }) => rollbackMs),
    restartMs: of(({ restartMs }) => restartMs),
    memory: {
      gateway: of(({ memory }) => memory.gateway),
      controller: of(({ memory }) => memory.controller),
      host: of(({ memory }) => memory.host),
    },
  };
}

function tables(figures: ReturnType<typeof medians>, runs: number) {
  const { seconds, steps, swaps, p99SteadyMs, rollbackMs, restartMs, memory } = figures;
  return [
    {
      title: `quickstart: medians of ${runs} runs`,
      head: ['step', 'seconds', 'budget'],
      rows: [
        ...steps.map((step) => [step.title, step.seconds.toFixed(1), '']),
        ['in all', seconds.toFixed(1), within(seconds, BUDGET.seconds, 's')],
      ],
    },
    {
      title: `latency: p99 steady ${p99SteadyMs.toFixed(2)} ms`,
      head: ['around', 'p99 ms', 'ratio', 'to first answer ms', 'budget'],
      rows: swaps.map(({ version, by, swapMs, p99Ms, p99Ratio }) => [
        by === 'channel' ? `swap to ${version}` : `rollback to ${version}`,
        p99Ms.toFixed(2),
        `${p99Ratio.toFixed(2)}x`,
        swapMs.toFixed(0),
        within(p99Ratio, BUDGET.p99Ratio, 'x'),
      ]),
    },
    {
      title: 'agent',
      head: ['', 'median', 'budget'],
      rows: [
        ['rollback, ms', rollbackMs.toFixed(1), within(rollbackMs, BUDGET.rollbackMs, 'ms')],
        ['restart without registry, ms', restartMs.toFixed(0), ''],
        ['gateway, PSS MB', memory.gateway.toFixed(1), within(memory.gateway, BUDGET.gatewayMb, 'MB')],
        [
          'controller, PSS MB',
          memory.controller.toFixed(1),
          within(memory.controller, BUDGET.controllerMb, 'MB'),
        ],
        ['session host, PSS MB', memory.host.toFixed(1), ''],
      ],
    },
  ];
}

const within = (value: number, budget: number, unit: string): string =>
  `<= ${budget} ${unit}: ${value <= budget ? 'held' : 'MISSED'}`;
