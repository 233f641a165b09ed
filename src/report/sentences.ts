import { levelText, percent, type Verdict } from '../evaluation/index.ts';
import type { ReportFacts } from './facts.ts';
import { type Format, SENTENCE } from './format.ts';

/** So many reasons of slices are named one by one. */
const SLICES_NAMED = 10;

/** The verdict in one line, the first of every page. */
export function headline({ verdict, championVersion, next }: ReportFacts, { name }: Format): string {
  const model = name(verdict.model);
  const becomes = next === undefined ? '' : `, next version ${name(next.version)}`;
  const champion = championVersion === undefined ? 'the champion' : `champion ${name(championVersion)}`;
  const alone = verdict.notComparable !== null;
  const said = {
    first: `✅ ${model} passed the gate as its first release${becomes}`,
    pass: `✅ ${model} passed the gate ${alone ? 'without a comparison with' : 'against'} ${champion}${becomes}`,
    fail: `❌ ${model} was refused by the gate${alone ? ' without a comparison' : ''}`,
  };
  return said[verdict.outcome];
}

/** Of a refusal every reason against the candidate; of a pass what the table of metrics does not say. */
export function reasons({ outcome, reasons: all, rules }: Verdict): string[] {
  if (outcome === 'fail') return withFewSlices(all);
  const names = Object.keys(rules.metrics);
  // The gate begins what it says of a metric with the metric's name.
  const others = all.filter((reason) => !names.some((name) => reason.startsWith(`${name} `)));
  return [`every metric holds what is asked of it: ${names.join(', ')}`, ...others];
}

/** The reasons of slices would bury all others; the largest of their losses stand in a table of their own. */
function withFewSlices(all: readonly string[]): string[] {
  const ofSlices = all.filter((reason) => reason.startsWith('in the slice '));
  const [first] = ofSlices.slice(SLICES_NAMED);
  const left = new Set(ofSlices.slice(SLICES_NAMED));
  return all.flatMap((reason) => {
    if (reason === first) return [`and in ${left.size} more slices or metrics of them`];
    return left.has(reason) ? [] : [reason];
  });
}

/** How the figures came about. */
export function method(verdict: Verdict, { name, text }: Format): string {
  const { rows, weight, predict, bootstrap, champion, notComparable } = verdict;
  const counted = weight === null ? '' : `, each counting by its ${name(weight)}`;
  const by = predict === null ? '' : `, predicted by ${name(predict)}`;
  const scored = `Scored on ${rows} held-out rows${counted}${by}`;
  if (champion === null) return `${scored}.`;
  if (notComparable !== null) {
    return `${scored}. No comparison with the champion was possible: ${text(notComparable, SENTENCE)}.`;
  }
  const { resamples, seed, level } = bootstrap;
  return [
    `${scored}; ${percent(level)} intervals of ${resamples} paired bootstrap resamples (percentile, Efron and Tibshirani 1993, chapter 13; seed ${seed}).`,
    ...sliceMethod(verdict),
    'A positive difference: the candidate is better.',
  ].join(' ');
}

function sliceMethod({ slices }: Verdict): string[] {
  const intervals = (slices?.judged ?? []).flatMap(({ metrics }) =>
    Object.values(metrics).map(({ interval }) => interval),
  );
  const level = intervals.find((interval) => interval !== null)?.level;
  if (slices === null || level === undefined) return [];
  return [
    `Slices: ${levelText(level)} intervals of ${slices.resamples} resamples, so wide that chance refuses hardly any candidate however many slices there are (Bonferroni); the fewer rows a slice has, the more loss is allowed in it.`,
  ];
}
