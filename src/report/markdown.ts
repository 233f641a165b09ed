import { bytes, figure, percent } from '../evaluation/index.ts';
import type { MetricJudgement, Verdict } from '../evaluation/index.ts';
import { code, codeBlock, plain } from './escape.ts';
import type { ReportFacts } from './facts.ts';

/** As many entries of one list as a reviewer reads; the rest is counted. */
const LISTED = 20;

/**
 * The report as one page of Markdown, the same for terminal, job summary and pull request; its first line is the
 * verdict. Texts from outside are escaped and cut.
 */
export function renderReport(facts: ReportFacts): string {
  const sections = [
    headline(facts),
    ...(facts.warnings ?? []).map((warning) => `⚠️ ${plain(warning)}`),
    list(facts.verdict.reasons.map(plain)),
    metricsTable(facts.verdict),
    method(facts.verdict),
    ...changes(facts),
    sizeSection(facts),
    ...nextSection(facts),
    identities(facts),
    ...(facts.reproduce.length === 0 ? [] : [`### Reproduce\n\n${codeBlock('sh', facts.reproduce)}`]),
  ];
  return `${sections.join('\n\n')}\n`;
}

function method({ rows, bootstrap, champion }: Verdict): string {
  const scored = `Scored on ${rows} held-out rows`;
  if (champion === null) return `${scored}.`;
  const { resamples, seed, level } = bootstrap;
  return `${scored}; ${percent(level)} intervals of ${resamples} paired bootstrap resamples (percentile, seed ${seed}). A positive difference: the candidate is better.`;
}

function headline({ verdict, championVersion, next }: ReportFacts): string {
  const model = code(verdict.model);
  const becomes = next === undefined ? '' : `, next version ${code(next.version)}`;
  const champion = championVersion === undefined ? 'the champion' : `champion ${code(championVersion)}`;
  const said = {
    first: `✅ ${model} passed the gate as its first release${becomes}`,
    pass: `✅ ${model} passed the gate against ${champion}${becomes}`,
    fail: `❌ ${model} was refused by the gate`,
  };
  return `## ${said[verdict.outcome]}`;
}

function metricsTable({ metrics }: Verdict): string {
  const rows = Object.entries(metrics).map(([name, judgement]) => [
    plain(name),
    shown(judgement.champion),
    shown(judgement.candidate),
    difference(judgement),
    allowed(judgement),
    judgement.passed === null ? 'not judged' : judgement.passed ? '✅' : '❌',
  ]);
  return table(['metric', 'champion', 'candidate', 'difference (interval)', 'allowed', 'verdict'], rows);
}

function difference({ improvement, interval, champion }: MetricJudgement): string {
  if (improvement === null) return '–';
  const share =
    interval?.relative && champion !== null && champion !== 0
      ? ` (${signed(improvement / Math.abs(champion), percent)})`
      : '';
  if (interval === null) return signed(improvement, figure);
  const write = interval.relative ? percent : figure;
  return `${signed(improvement, figure)}${share} [${write(interval.lower)}, ${write(interval.upper)}]`;
}

function allowed({ tolerance, floor }: MetricJudgement): string {
  const parts = [
    floor?.min === undefined ? [] : [`min ${floor.min}`],
    floor?.max === undefined ? [] : [`max ${floor.max}`],
    tolerance === null
      ? []
      : [`loss ${tolerance.kind === 'relative' ? percent(tolerance.value) : String(tolerance.value)}`],
  ].flat();
  return parts.length === 0 ? '–' : parts.join(', ');
}

function changes({ changes: found }: ReportFacts): string[] {
  if (found === undefined) return [];
  const listed = found.length === 0 ? 'Nothing that decides the training.' : list(found.map(plain));
  return [`### What changed\n\n${listed}`];
}

function sizeSection({ verdict, championBytes }: ReportFacts): string {
  const budget = verdict.rules.budget.size;
  const against =
    championBytes === undefined
      ? ''
      : `, the champion's ${bytes(championBytes)} (${signed(verdict.sizeBytes / championBytes - 1, percent)})`;
  const limit = budget === undefined ? 'no budget is set' : `budget ${bytes(budget)}`;
  return `### Size\n\n${bytes(verdict.sizeBytes)}${against}; ${limit}.`;
}

function nextSection({ next, released }: ReportFacts): string[] {
  if (released !== undefined)
    return [`### Next version\n\nNone: it is released already, as ${code(released)}.`];
  if (next === undefined) return [];
  const why = next.reasons.length === 0 ? '' : `\n\n${list(next.reasons.map(plain))}`;
  return [`### Next version\n\n${code(next.version)} (${plain(next.bump)})${why}`];
}

function identities({ verdict }: ReportFacts): string {
  const champion = verdict.champion === null ? [] : [`champion ${code(verdict.champion)}`];
  const lines = [`candidate ${code(verdict.candidate)}`, ...champion, `holdout ${code(verdict.holdout)}`];
  return `### Identities\n\n${list(lines)}`;
}

function list(lines: readonly string[]): string {
  const more = lines.length > LISTED ? [`and ${lines.length - LISTED} more`] : [];
  return [...lines.slice(0, LISTED), ...more].map((line) => `- ${line}`).join('\n');
}

/** Padded, so that a terminal shows the columns too. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function shown(value: number | null): string {
  return value === null ? '–' : figure(value);
}

function signed(value: number, write: (value: number) => string): string {
  return value > 0 ? `+${write(value)}` : write(value);
}
