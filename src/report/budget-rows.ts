import { byteCount } from '../byte-count.ts';
import { figure, type Latency, percent } from '../evaluation/index.ts';
import type { ReportFacts } from './facts.ts';
import { CELL, type Format } from './format.ts';
import { signed } from './metric-rows.ts';

export const BUDGET_HEADER = ['', 'champion', 'candidate', 'difference', 'budget'];

/** Size, memory and latency as rows of a table; the first cell names the row. */
export function budgetRows(
  { verdict, championBytes, championMemoryBytes }: ReportFacts,
  format: Format,
): string[][] {
  const { sizeBytes, memoryBytes, rules, latency } = verdict;
  return [
    bytesRow('size', championBytes, sizeBytes, rules.budget.size),
    bytesRow('memory', championMemoryBytes, memoryBytes, rules.budget.memory),
    ...(latency === null ? [] : latencyRows(latency, latencyBudget(rules.budget, format))),
  ];
}

function bytesRow(
  name: string,
  champion: number | undefined,
  candidate: number | null,
  budget: number | undefined,
): string[] {
  const grown =
    candidate === null || champion === undefined || champion === 0
      ? '–'
      : signed(candidate / champion - 1, percent);
  return [name, given(champion, byteCount), given(candidate, byteCount), grown, given(budget, byteCount)];
}

function latencyRows({ candidate, champion, ratio }: Latency, budget: string): string[][] {
  const half = champion === null || !(champion.p50Ms > 0) ? null : candidate.p50Ms / champion.p50Ms;
  const times =
    ratio === null ? '–' : `${figure(ratio.value)}x [${figure(ratio.lower)}, ${figure(ratio.upper)}]`;
  return [
    [
      'latency p50',
      given(champion?.p50Ms, ms),
      ms(candidate.p50Ms),
      given(half, (value) => `${figure(value)}x`),
      '–',
    ],
    ['latency p95', given(champion?.p95Ms, ms), ms(candidate.p95Ms), times, budget],
  ];
}

const ms = (value: number): string => `${figure(value)} ms`;

function latencyBudget(
  { latency, runner }: ReportFacts['verdict']['rules']['budget'],
  { text }: Format,
): string {
  if (latency === undefined) return '–';
  if (latency.kind === 'relative') return `${latency.value}x`;
  return `${latency.value} ms${runner === undefined ? '' : ` on ${text(runner, CELL)}`}`;
}

/** How latency was measured, or that it was not. */
export function latencyMethod({ verdict }: ReportFacts, { text }: Format): string {
  const { latency } = verdict;
  if (latency === null) return 'Latency was not measured: the candidate has no golden samples.';
  const where = latency.runner === null ? 'a machine without a name' : text(latency.runner, CELL);
  const runs = `Latency of one row, ${latency.runs} runs on ${where}`;
  if (latency.ratio === null) return `${runs}.`;
  return `${runs}, candidate and champion in turn; ${percent(latency.ratio.level)} interval of the ratio (percentile, moving blocks, Kuensch 1989).`;
}

function given(value: number | null | undefined, write: (value: number) => string): string {
  return value === null || value === undefined ? '–' : write(value);
}
