import { MARKDOWN } from './format.ts';
import type { ReportFacts } from './facts.ts';
import { BUDGET_HEADER, budgetRows, latencyMethod } from './budget-rows.ts';
import { CELL } from './format.ts';
import { allowed, difference, type MetricRow, metricRows, othersTitle, shown } from './metric-rows.ts';
import { allowedText, multipleText, sliceSummary, type SliceLoss, sliceLosses } from './slice-losses.ts';

const BAR_LENGTH = 10;

/** The metrics that a rule names, and folded away the others. */
export function metricsSection({ verdict }: ReportFacts): string {
  const { ruled, others } = metricRows(verdict);
  if (others.length === 0) return metricsTable(ruled);
  return `${metricsTable(ruled)}\n\n${details(othersTitle(others), metricsTable(others))}`;
}

function metricsTable(rows: readonly MetricRow[]): string {
  const cells = rows.map(([name, judgement]) => [
    MARKDOWN.text(name, CELL),
    shown(judgement.champion),
    shown(judgement.candidate),
    difference(judgement),
    allowed(judgement),
    judgement.passed === null ? 'not judged' : judgement.passed ? '✅' : '❌',
  ]);
  return table(['metric', 'champion', 'candidate', 'difference (interval)', 'allowed', 'verdict'], cells);
}

/** The slices that got worse; nothing when no slices are asked for. */
export function slicesSection({ verdict }: ReportFacts): string[] {
  if (verdict.slices === null) return [];
  const { shown: losses } = sliceLosses(verdict);
  const summary = `### Slices\n\n${sliceSummary(verdict)}`;
  if (losses.length === 0) return [summary];
  const longest = losses[0]?.multiple ?? 1;
  const rows = losses.map((loss) => sliceRow(loss, longest));
  const header = [
    'slice',
    'rows',
    'metric',
    'champion',
    'candidate',
    'difference (interval)',
    'allowed',
    'loss / allowed',
    '',
  ];
  return [`${summary}\n\n${table(header, rows)}`];
}

function sliceRow(loss: SliceLoss, longest: number): string[] {
  const { column, value, rows, metric, judgement, multiple, refused } = loss;
  const length = Math.max(1, Math.round((BAR_LENGTH * multiple) / longest));
  return [
    `${MARKDOWN.text(column, CELL)} = ${MARKDOWN.text(value, CELL)}`,
    String(rows),
    MARKDOWN.text(metric, CELL),
    shown(judgement.champion),
    shown(judgement.candidate),
    difference(judgement),
    allowedText(loss),
    `${'█'.repeat(length)} ${multipleText(multiple)}`,
    refused ? '❌ beyond doubt' : 'may be chance',
  ];
}

/** Size, memory and latency. */
export function budgetsSection(facts: ReportFacts): string {
  const rows = budgetRows(facts, MARKDOWN);
  return `### Size, memory and latency\n\n${table(BUDGET_HEADER, rows)}\n\n${latencyMethod(facts, MARKDOWN)}`;
}

/** Padded, so that a terminal shows the columns too. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, column) =>
    Math.max(1, name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** Markdown that is folded away until somebody asks for it. The summary must be no text from outside. */
export function details(summary: string, content: string, open = false): string {
  return `<details${open ? ' open' : ''}>\n<summary>${summary}</summary>\n\n${content}\n\n</details>`;
}
