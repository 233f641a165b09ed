import type { Sample } from './load.ts';

/** A span of time, in milliseconds as `performance.now()` gives them. */
export interface Span {
  from: number;
  to: number;
}

/** What the load saw: latencies in milliseconds, from the moment at which a request was due. */
export interface LoadFigures {
  requests: number;
  failed: number;
  p50Ms: number;
  /** In the spans in which nothing else ran. */
  p99SteadyMs: number;
  /** From the command that asks for another version to half a second after its first answer. */
  p99SwapMs: number;
}

/** The load as it stands while it runs. */
export interface Tally {
  requests: number;
  failed: number;
  /** Answers in the last second. */
  perSecond: number;
  p99Ms: number;
  /** What answered last; undefined when nothing is sent any more. */
  version: string | undefined;
}

/** Summarises samples. */
export function summarise(
  samples: readonly Sample[],
  steady: readonly Span[],
  swaps: readonly Span[],
): LoadFigures {
  return {
    requests: samples.length,
    failed: failuresIn(samples),
    p50Ms: latencyAt(samples, 0.5),
    p99SteadyMs: latencyAt(dueIn(samples, steady), 0.99),
    p99SwapMs: latencyAt(dueIn(samples, swaps), 0.99),
  };
}

/** Counts what there is so far. */
export function tallyOf(
  samples: readonly Sample[],
  { now, running }: { now: number; running: boolean },
): Tally {
  const recent = samples.slice(-1000).filter(({ due, latency }) => due + latency > now - 1000);
  return {
    requests: samples.length,
    failed: failuresIn(samples),
    perSecond: recent.length,
    p99Ms: latencyAt(samples, 0.99),
    version: running ? samples.at(-1)?.version : undefined,
  };
}

/** The samples that were due in one of these spans. */
export function dueIn(samples: readonly Sample[], spans: readonly Span[]): Sample[] {
  return samples.filter(({ due }) => spans.some(({ from, to }) => due >= from && due <= to));
}

/** The nearest-rank percentile of the latencies (`share` 0..1), rounded to a hundredth; 0 of nothing. */
export function latencyAt(samples: readonly Sample[], share: number): number {
  const sorted = Float64Array.from(samples, ({ latency }) => latency).toSorted();
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return Math.round(value * 100) / 100;
}

function failuresIn(samples: readonly Sample[]): number {
  return samples.filter(({ failure }) => failure !== undefined).length;
}
