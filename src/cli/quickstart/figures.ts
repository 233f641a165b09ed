import type { Sample } from './load.ts';

/** A span of the load, milliseconds since it began. */
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
  /** From the hint that starts a swap to half a second after the first answer of the new version. */
  p99SwapMs: number;
}

/** Summarises samples. */
export function summarise(
  samples: readonly Sample[],
  steady: readonly Span[],
  swaps: readonly Span[],
): LoadFigures {
  const within = (spans: readonly Span[]) =>
    samples
      .filter(({ due }) => spans.some(({ from, to }) => due >= from && due <= to))
      .map(({ latency }) => latency);
  return {
    requests: samples.length,
    failed: samples.filter((sample) => sample.failure !== undefined).length,
    p50Ms: percentile(
      samples.map(({ latency }) => latency),
      0.5,
    ),
    p99SteadyMs: percentile(within(steady), 0.99),
    p99SwapMs: percentile(within(swaps), 0.99),
  };
}

/** The nearest-rank percentile, rounded to a hundredth; 0 of nothing. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return Math.round(value * 100) / 100;
}
