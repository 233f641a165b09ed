import type { Measured, Table } from './benchmark.ts';
import { TIMEOUT_MS } from './connection.ts';
import { latenciesOf, type Samples } from './load.ts';
import type { Memories } from './memories.ts';
import { lowerBound, median, percentile } from './statistics.ts';

const BUDGET = { failed: 0, p99: 1.1, rollbackMs: 100, processMb: 70, hostOverBareMb: 15, growth: 1.05 };
/** How long after the first answer of a new version a request still counts as around its swap, milliseconds. */
export const AFTER_MS = 500;

/** Times on the shared clock, milliseconds. */
export interface Span {
  from: number;
  to: number;
}

/** Something that happened beside the load, from `from` until it was over at `calmAt`. */
export interface Disturbance {
  /** The span before it, in which nothing else ran. */
  steady: Span;
  from: number;
  calmAt: number;
}

export interface Swap {
  /** The version by its index. */
  to: number;
  steady: Span;
  polledAt: number;
  /** The agent's own account of the flip. */
  flipMs: number;
  /** A session host was started for it that was not there before. */
  full: boolean;
}

export interface Rollback {
  to: number;
  startedAt: number;
  /** The agent's own account: from the request to the gateway's answer that the predecessor serves. */
  agentMs: number;
  /** The whole command, Node's start included. */
  commandMs: number;
}

export interface SwapFacts {
  /** Requests per second. */
  maximum: number;
  rate: number;
  samples: Samples;
  failed: number;
  swaps: Swap[];
  /** Starts of bare ONNX Runtime beside the same load. */
  peers: Disturbance[];
  rollbacks: Rollback[];
  memory: { before: Memories; after: Memories };
}

/** What a run of swaps adds up to. */
export function swapReport(facts: SwapFacts): Omit<Measured, 'wrong'> {
  const figures = figuresOf(facts);
  return {
    tables: [summaryTable(figures), latencyTable(figures), memoryTable(facts.memory)],
    notes: [
      `A window is the swap and ${AFTER_MS} ms after the first answer of the new version; its pair is the quiet span just before it. Start of`,
      'bare: the same for a process that loads the model into bare onnxruntime-node at nice 10 and ends. Late: how long after a request',
      'was due its client sent it. Clients, gateway, hosts and whatever starts share the processors.',
      'Medians with the largest in brackets. MB are 10^6 bytes; PSS divides shared pages among all Node processes that run here.',
    ],
    json: { ...figures, memory: facts.memory },
  };
}

type Figures = ReturnType<typeof figuresOf>;

function figuresOf({ samples, swaps, peers, rollbacks, maximum, rate, failed }: SwapFacts) {
  const first = (to: number, from: number) => firstAnswerAfter(samples, to, from);
  const around = swaps.map(({ to, steady, polledAt }) => ({
    steady,
    from: polledAt,
    calmAt: first(to, polledAt),
  }));
  const swap = comparison(samples, around);
  const peer = comparison(samples, peers);
  return {
    requests: samples.version.length,
    failed,
    maximum,
    rate,
    fullSwaps: swaps.filter(({ full }) => full).length,
    warmSwaps: swaps.filter(({ full }) => !full).length,
    swap,
    peer,
    flipMs: spread(swaps.map(({ flipMs }) => flipMs)),
    firstAnswerMs: spread(around.map(({ from, calmAt }) => calmAt - from)),
    rollback: {
      agentMs: spread(rollbacks.map(({ agentMs }) => agentMs)),
      firstAnswerMs: spread(rollbacks.map(({ to, startedAt }) => first(to, startedAt) - startedAt)),
      commandMs: spread(rollbacks.map(({ commandMs }) => commandMs)),
    },
  };
}

/** When the first answer of a version came; NaN when none did. */
function firstAnswerAfter({ answered, version }: Samples, wanted: number, from: number): number {
  const start = lowerBound(answered, from);
  return answered[version.indexOf(wanted, start)] ?? NaN;
}

/** Latencies around disturbances against those of the quiet spans before them. */
function comparison(samples: Samples, disturbances: readonly Disturbance[]) {
  const latencies = latenciesOf(samples);
  const windows = disturbances.map(({ steady, from, calmAt }) => ({
    steady: indexesIn(samples, steady),
    around: indexesIn(samples, { from, to: calmAt + AFTER_MS }),
  }));
  const latency = (index: number) => latencies[index] ?? NaN;
  const late = (index: number) => (samples.sent[index] ?? NaN) - (samples.due[index] ?? NaN);
  const p99 = (indexes: readonly number[]) => percentile(indexes.map(latency), 0.99);
  const all = (pick: 'steady' | 'around') => {
    const indexes = windows.flatMap((window) => window[pick]);
    const values = indexes.map(latency);
    return {
      p50: percentile(values, 0.5),
      p99: percentile(values, 0.99),
      max: percentile(values, 1),
      lateP99: percentile(indexes.map(late), 0.99),
    };
  };
  const [steady, around] = [all('steady'), all('around')];
  const pairRatio = median(windows.map((window) => p99(window.around) / p99(window.steady)));
  return { pairRatio, pooledRatio: around.p99 / steady.p99, steady, around };
}

/** Requests that were due in a span: they are in the order of their answers, each of which came within the time limit. */
function indexesIn({ due, answered }: Samples, { from, to }: Span): number[] {
  const start = lowerBound(answered, from);
  const end = lowerBound(answered, to + 2 * TIMEOUT_MS);
  return due.slice(start, end).flatMap((at, index) => (at >= from && at <= to ? [start + index] : []));
}

function summaryTable(figures: Figures): Table {
  const { swap, peer, rollback, requests, failed, fullSwaps, warmSwaps, rate, maximum } = figures;
  const kinds = `${fullSwaps} full swaps (each started a new session host)${warmSwaps > 0 ? `, ${warmSwaps} flips to a warm predecessor` : ''}`;
  const against = (ratio: number) => verdict(ratio <= BUDGET.p99, `<= ${BUDGET.p99}`);
  return {
    title: `swap: ${kinds}; open loop of ${rate} requests/s, half of ${maximum.toFixed(0)}`,
    head: ['', 'swap', 'start of bare', 'budget'],
    rows: [
      ['failed requests', `${failed} of ${requests}`, '', verdict(failed === BUDGET.failed, '0')],
      [
        'p99 around it / steady, median of pairs',
        ...ratios(swap, peer, 'pairRatio'),
        against(swap.pairRatio),
      ],
      ['the same, all windows together', ...ratios(swap, peer, 'pooledRatio'), against(swap.pooledRatio)],
      ['POST /poll to first answer, ms', range(figures.firstAnswerMs), '', ''],
      ["the agent's own flip, ms", range(figures.flipMs, 2), '', ''],
      [
        'device rollback, in the agent, ms',
        range(rollback.agentMs, 1),
        '',
        verdict(rollback.agentMs.median <= BUDGET.rollbackMs, `<= ${BUDGET.rollbackMs}`),
      ],
      ['  command to first answer, ms', range(rollback.firstAnswerMs), '', ''],
      ['  the whole command, ms', range(rollback.commandMs), '', ''],
    ],
  };
}

const ratios = (swap: Comparison, peer: Comparison, which: 'pairRatio' | 'pooledRatio'): string[] => [
  swap[which].toFixed(2),
  peer[which].toFixed(2),
];

type Comparison = ReturnType<typeof comparison>;

const latencyRow = (name: string, { p50, p99, max, lateP99 }: Comparison['steady']) => [
  name,
  ...[p50, p99, max, lateP99].map((value) => value.toFixed(2)),
];

function latencyTable({ swap, peer }: Figures): Table {
  return {
    title: 'latency from the moment at which a request was due, ms',
    head: ['', 'p50', 'p99', 'max', 'late p99'],
    rows: [
      latencyRow('before a swap', swap.steady),
      latencyRow('around a swap', swap.around),
      latencyRow('before a start of bare', peer.steady),
      latencyRow('around a start of bare', peer.around),
    ],
  };
}

function memoryTable({ before, after }: SwapFacts['memory']): Table {
  const line = (name: keyof Memories, ok?: boolean, budget = '') => {
    const growth = after[name].pss / before[name].pss;
    return [
      name,
      before[name].pss.toFixed(1),
      after[name].pss.toFixed(1),
      after[name].unique.toFixed(1),
      ok === undefined ? '' : verdict(ok, budget),
      `${growth.toFixed(3)}x`,
      name === 'bare' ? '' : verdict(growth <= BUDGET.growth, `<= ${BUDGET.growth}x`),
    ];
  };
  const process = `<= ${BUDGET.processMb} PSS`;
  return {
    title: 'memory, MB',
    head: ['', 'PSS before', 'PSS after', 'not shared', 'budget', 'growth', 'budget'],
    rows: [
      line('gateway', after.gateway.pss <= BUDGET.processMb, process),
      line('controller', after.controller.pss <= BUDGET.processMb, process),
      line(
        'host',
        after.host.pss <= after.bare.pss + BUDGET.hostOverBareMb,
        `<= bare + ${BUDGET.hostOverBareMb}`,
      ),
      line('bare'),
    ],
  };
}

interface Spread {
  median: number;
  max: number;
}

const spread = (values: number[]): Spread => ({ median: median(values), max: Math.max(...values) });
const range = ({ median: middle, max }: Spread, digits = 0): string =>
  `${middle.toFixed(digits)} (${max.toFixed(digits)})`;
const verdict = (held: boolean, budget: string): string => `${budget}: ${held ? 'held' : 'MISSED'}`;
