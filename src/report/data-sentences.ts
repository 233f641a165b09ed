import { figure, percent, type Shift } from '../evaluation/index.ts';
import type { ReportFacts } from './facts.ts';
import { CELL, type Format, LISTED } from './format.ts';
import { signed } from './metric-rows.ts';

/** What there is to say of the data in words, a sentence each, besides the reasons: those of a pass name every check. */
export function dataSentences({ verdict, data }: ReportFacts, format: Format): string[] {
  return [
    ...rowsSentence(data),
    ...columnsSentence('added', data?.columnsAdded ?? [], format),
    ...columnsSentence('removed', data?.columnsRemoved ?? [], format),
    ...(verdict.outcome === 'fail' ? checkSentences(verdict, format) : []),
  ];
}

function checkSentences(verdict: ReportFacts['verdict'], format: Format): string[] {
  const { train, holdout } = verdict.data;
  return [
    shiftSentence('training data', train, format),
    shiftSentence('holdout', holdout, format),
    overlapSentence(verdict, format),
  ];
}

function rowsSentence(data: ReportFacts['data']): string[] {
  if (data === undefined || data.rows === null) return [];
  const { rows, championRows } = data;
  const change =
    championRows === null || championRows === 0 ? '' : ` (${signed(rows / championRows - 1, percent)})`;
  const against = championRows === null ? '' : `, the champion's ${championRows}${change}`;
  return [`training data: ${rows} rows${against}`];
}

function columnsSentence(what: string, names: readonly string[], { text }: Format): string[] {
  if (names.length === 0) return [];
  const more = names.length > LISTED ? `, and ${names.length - LISTED} more` : '';
  const some = names.slice(0, LISTED).map((name) => text(name, CELL));
  return [`${names.length === 1 ? 'column' : 'columns'} ${what}: ${some.join(', ')}${more}`];
}

function shiftSentence(about: string, shift: Shift, { text }: Format): string {
  if (shift.outcome === 'not-applicable') {
    return `shift of the ${about}: not applicable, ${text(shift.reason)}`;
  }
  const { rows, sampled, part, features } = shift;
  const known = features.filter(({ psi }) => psi !== null && Number.isFinite(psi));
  const largest = known.toSorted((a, b) => (b.psi ?? 0) - (a.psi ?? 0))[0];
  const most =
    largest === undefined
      ? ''
      : `, the largest PSI is ${figure(largest.psi ?? 0)} (${text(largest.column, CELL)})`;
  return `shift of the ${about}: ${sampled ? 'a sample of ' : ''}${rows} ${part === 'new' ? 'new ' : ''}rows against the champion's training data${most}`;
}

function overlapSentence({ data: { overlap }, rules }: ReportFacts['verdict'], { text }: Format): string {
  if (overlap.outcome === 'not-applicable') {
    return `rows of the holdout in the training data: not applicable, ${text(overlap.reason)}`;
  }
  const { rows, found, sampled } = overlap;
  const share = rows === 0 ? '' : ` (${percent(found / rows)})`;
  const limit = percent(rules.checks.overlap);
  return `${found} of ${rows} rows of the holdout${share} are in ${sampled ? 'a sample of ' : ''}the training data, allowed ${limit}`;
}
