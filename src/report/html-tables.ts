import type { MetricJudgement } from '../evaluation/index.ts';
import { BUDGET_HEADER, budgetRows, latencyMethod } from './budget-rows.ts';
import type { ReportFacts } from './facts.ts';
import { CELL } from './format.ts';
import { escaped, HTML } from './html-escape.ts';
import { allowed, difference, type MetricRow, metricRows, othersTitle, shown } from './metric-rows.ts';
import { intervalPlot } from './plots/intervals.ts';
import { allowedText, multipleText, sliceSummary, type SliceLoss, sliceLosses } from './slice-losses.ts';

/** HTML of one cell, and what the cell says beyond its text. */
interface Cell {
  html: string;
  kind?: string;
}

const METRIC_HEADER = ['metric', 'champion', 'candidate', 'difference', 'allowed', 'interval', 'verdict'];
const PLOT_LEGEND =
  'In the drawings the upright line is no difference, the dashed one the allowed loss; to the right is better.';

/** The metrics that a rule names, and folded away the others. */
export function metricsSection({ verdict }: ReportFacts): string {
  const { ruled, others } = metricRows(verdict);
  const more =
    others.length === 0
      ? ''
      : `<details><summary>${othersTitle(others)}</summary>${metricsTable(others)}</details>`;
  const drawn = ruled.some(([, { interval }]) => interval !== null);
  return `${metricsTable(ruled)}${drawn ? `<p class="method">${PLOT_LEGEND}</p>` : ''}${more}`;
}

function metricsTable(rows: readonly MetricRow[]): string {
  const cells = rows.map(([name, judgement]): Cell[] => [
    { html: escaped(name, CELL) },
    { html: shown(judgement.champion) },
    { html: shown(judgement.candidate) },
    { html: difference(judgement) },
    { html: allowed(judgement) },
    { html: intervalCell(name, judgement, judgement.tolerance?.value ?? null) },
    judged(judgement.passed),
  ]);
  return table(METRIC_HEADER, cells);
}

function judged(passed: boolean | null): Cell {
  if (passed === null) return { html: 'not judged' };
  return passed ? { html: '✅ passed', kind: 'pass' } : { html: '❌ refused', kind: 'fail' };
}

function intervalCell(
  name: string,
  judgement: Pick<MetricJudgement, 'improvement' | 'interval' | 'champion'>,
  tolerance: number | null,
): string {
  const limit = tolerance === null ? '' : `, allowed loss ${tolerance}`;
  return intervalPlot(judgement, tolerance, `${name}: difference ${difference(judgement)}${limit}`);
}

/** The slices that got worse; empty when no slices are asked for. */
export function slicesSection({ verdict }: ReportFacts): string {
  if (verdict.slices === null) return '';
  const { shown: losses } = sliceLosses(verdict);
  const summary = `<p>${sliceSummary(verdict)}</p>`;
  if (losses.length === 0) return summary;
  const header = [
    'slice',
    'rows',
    'metric',
    'champion',
    'candidate',
    'difference',
    'interval',
    'allowed',
    'loss / allowed',
    'verdict',
  ];
  return `${summary}${table(header, losses.map(sliceRow))}`;
}

function sliceRow(loss: SliceLoss): Cell[] {
  const { column, value, rows, metric, judgement, allowed: limit, multiple, refused } = loss;
  return [
    { html: `${escaped(column, CELL)} = ${escaped(value, CELL)}` },
    { html: String(rows) },
    { html: escaped(metric, CELL) },
    { html: shown(judgement.champion) },
    { html: shown(judgement.candidate) },
    { html: difference(judgement) },
    { html: intervalCell(`${metric} in ${column} = ${value}`, judgement, limit) },
    { html: allowedText(loss) },
    { html: multipleText(multiple) },
    refused ? { html: '❌ refused', kind: 'fail' } : { html: 'may be chance' },
  ];
}

/** Size, memory and latency. */
export function budgetsSection(facts: ReportFacts): string {
  const rows = budgetRows(facts, HTML).map((cells) => cells.map((html): Cell => ({ html })));
  return `${table(BUDGET_HEADER, rows)}<p class="method">${latencyMethod(facts, HTML)}</p>`;
}

/** A table without its empty columns, whose first one names its rows; on a narrow page each row stands by itself. */
function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const used = (column: number): boolean => rows.some((cells) => cells[column]?.html !== '');
  const heads = header.flatMap((name, column) => (used(column) ? [`<th scope="col">${name}</th>`] : []));
  const lines = rows.map((cells) => {
    const [first, ...rest] = cells.map(({ html, kind }, column) => {
      if (!used(column)) return '';
      const known = kind === undefined ? '' : ` class="${kind}"`;
      return column === 0
        ? `<th scope="row">${html}</th>`
        : `<td${known} data-label="${header[column] ?? ''}">${html}</td>`;
    });
    return `<tr>${first ?? ''}${rest.join('')}</tr>`;
  });
  return `<table class="stack"><thead><tr>${heads.join('')}</tr></thead><tbody>${lines.join('')}</tbody></table>`;
}
