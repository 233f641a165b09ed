import { figureBeside, percent } from '../figures.ts';
import { against, type Check, fine } from './check.ts';
import type { DataLimits, DataRecord, FeatureShift, Overlap, Shift } from './record.ts';

/** From here on a shift is told: the usual mark of a major one (Siddiqi 2006, Credit Risk Scorecards, chapter 9). */
export const PSI_WARNING = 0.25;

interface Given {
  rules: { checks: DataLimits };
  data: DataRecord | null;
}

const ABOUT = { train: 'the training data', holdout: 'the holdout' } as const;
const LIMIT_NAMES = { psi: 'PSI', unknown: 'unknown categories', overlap: 'overlap' } as const;

/** The data against the champion's training data, and the holdout against the training data. */
export function checkData({ rules, data }: Given): Check[] {
  const { checks: limits } = rules;
  const wrong = (['psi', 'unknown', 'overlap'] as const).filter((name) => !(limits[name] >= 0));
  if (wrong.length > 0) {
    return wrong.map((name) =>
      against(
        `the limit of the ${LIMIT_NAMES[name]} is not a number of at least 0: correct evaluate.checks.${name}`,
      ),
    );
  }
  if (data === null) return [against('the data were not checked: evaluate again')];
  return [
    ...checkShift(ABOUT.train, data.train, limits),
    ...checkShift(ABOUT.holdout, data.holdout, limits),
    checkOverlap(data.overlap, limits.overlap),
  ];
}

/** What of the data is worth knowing though it is allowed, a sentence each. */
export function warnOfData({ rules, data }: Given): string[] {
  if (data === null) return [];
  return (['train', 'holdout'] as const).flatMap((part) => {
    const shift = data[part];
    if (shift.outcome !== 'measured') return [];
    const about = ABOUT[part];
    const gone = shift.absent.map(
      (column) => `${about} has no ${column} any more, which the champion was trained on.`,
    );
    return gone.concat(shift.features.flatMap((feature) => warnOfFeature(about, feature, rules.checks)));
  });
}

function checkShift(about: string, shift: Shift, limits: DataLimits): Check[] {
  if (shift.outcome === 'not-applicable') return [fine(`shift of ${about}: not applicable, ${shift.reason}`)];
  const failed = shift.features.flatMap((feature) => checkFeature(about, feature, limits));
  if (failed.length > 0) return failed;
  const known = shift.features.flatMap(({ psi, column }) => (psi === null ? [] : [{ psi, column }]));
  const [largest] = known.toSorted((a, b) => b.psi - a.psi);
  const most =
    largest === undefined
      ? ''
      : `, the largest PSI is ${figureBeside(largest.psi, limits.psi)} (${largest.column})`;
  const thin = shift.features.filter(({ psi }) => psi === null).map(({ column }) => column);
  const others = thin.length === 0 ? '' : `; too few rows of each value for a PSI: ${thin.join(', ')}`;
  const rows = `${shift.sampled ? 'a sample of ' : ''}${shift.rows} ${shift.part === 'new' ? 'new ' : ''}rows`;
  return [
    fine(`${about} (${rows}) against the champion's training data: every shift is allowed${most}${others}`),
  ];
}

function checkFeature(about: string, feature: FeatureShift, limits: DataLimits): Check[] {
  const { column, psi, unknown, examples } = feature;
  const checks: Check[] = [];
  if (psi !== null && !Number.isFinite(psi)) {
    checks.push(against(`the shift of ${column} in ${about} is not a number: evaluate again`));
  } else if (psi !== null && psi > limits.psi) {
    checks.push(
      against(
        `${column} in ${about} has shifted: PSI ${figureBeside(psi, limits.psi)} against the champion's training data, allowed ${limits.psi}: check its unit and its source, or raise evaluate.checks.psi`,
      ),
    );
  }
  if (unknown !== null && !(unknown <= limits.unknown)) {
    checks.push(
      against(
        `${percent(unknown)} of ${about} hold a ${column} that the champion was not trained on (${listed(examples)}), allowed ${percent(limits.unknown)}: check how it is written, or raise evaluate.checks.unknown`,
      ),
    );
  }
  return checks;
}

function warnOfFeature(about: string, feature: FeatureShift, limits: DataLimits): string[] {
  const { column, psi, unknown, examples } = feature;
  const warnings: string[] = [];
  if (psi !== null && psi >= PSI_WARNING && psi <= limits.psi) {
    warnings.push(
      `${column} in ${about} has shifted: PSI ${figureBeside(psi, PSI_WARNING)} against the champion's training data.`,
    );
  }
  if (unknown !== null && unknown > 0 && unknown <= limits.unknown) {
    warnings.push(
      `${percent(unknown)} of ${about} hold a ${column} that the champion was not trained on (${listed(examples)}).`,
    );
  }
  return warnings;
}

function checkOverlap(overlap: Overlap, limit: number): Check {
  if (overlap.outcome === 'not-applicable') {
    return fine(`rows of the holdout in the training data: not applicable, ${overlap.reason}`);
  }
  const { rows, found, sampled } = overlap;
  const share = found / rows;
  if (!(share >= 0)) return against('the rows of the holdout were not counted: evaluate again');
  const of = sampled ? 'a sample of the training data' : 'the training data';
  const what = `${found} of ${rows} rows of the holdout (${percent(share)}) are in ${of}`;
  if (share <= limit) return fine(`${what}, allowed ${percent(limit)}`);
  return against(
    `${what}, allowed ${percent(limit)}: take them out of the training data, or raise evaluate.checks.overlap if such rows are different cases`,
  );
}

const listed = (examples: readonly string[]): string =>
  examples.map((value) => JSON.stringify(value)).join(', ');
