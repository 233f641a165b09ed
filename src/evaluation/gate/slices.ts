import { against, type Check, fine, finite } from './check.ts';
import type { GateInput } from './input.ts';
import { comparison, improvementOf, soundInterval, wrongTolerance } from './metrics.ts';
import type { Slice, SliceRecord, Tolerance } from './record.ts';

/**
 * No slice may be worse beyond doubt: the upper end of the interval of its improvement must reach minus what is allowed.
 * Slices are many, so their intervals are as wide as their number asks for (Bonferroni); and they are small, so what an
 * honest retraining moves in them by chance is larger: of a slice with a hundredth of the rows ten tolerances are
 * allowed, by the square root of rows that a mean's error goes with.
 */
export function checkSlices(input: GateInput): Check[] {
  const { rules, slices } = input;
  if (rules.slices.length === 0) return [];
  if (slices === null) return [against('the slices were not measured: evaluate again')];
  return rules.slices.flatMap((column) => checkColumn(column, slices, input));
}

function checkColumn(column: string, slices: SliceRecord, input: GateInput): Check[] {
  const about = slices.columns.find((each) => each.column === column);
  if (about === undefined) return [against(`the slices of ${column} were not measured: evaluate again`)];
  const judged = slices.judged.filter((slice) => slice.column === column);
  if (judged.length !== about.values - about.notJudged) {
    return [against(`the record of the slices of ${column} is not complete: evaluate again`)];
  }
  const found = `slices by ${column}: ${about.values}`;
  const few =
    about.notJudged === 0
      ? ''
      : `, ${about.notJudged} of them not judged (fewer than ${about.leastRows} rows, or beyond the largest ones)`;
  if (input.champion === null)
    return [fine(`${found}${few}: not compared, there is nothing to compare with`)];
  const tolerances = Object.entries(input.rules.metrics).flatMap(([name, { tolerance }]) =>
    tolerance === undefined ? [] : [{ name, tolerance }],
  );
  const failed = judged.flatMap((slice) =>
    tolerances.flatMap(({ name, tolerance }) => checkSlice(slice, name, tolerance, input)),
  );
  return failed.length > 0 ? failed : [fine(`${found}${few}: none is worse than allowed beyond doubt`)];
}

/** Empty when the slice does not speak against the candidate. */
function checkSlice(slice: Slice, name: string, tolerance: Tolerance, input: GateInput): Check[] {
  const where = `in the slice ${slice.column} = ${slice.value} (${slice.rows} rows)`;
  const wrong = wrongTolerance(name, tolerance);
  if (wrong !== undefined) return [wrong];
  const found = Object.hasOwn(slice.metrics, name) ? slice.metrics[name] : undefined;
  if (found === undefined) return [against(`${name} ${where} was not measured: evaluate again`)];
  if (found.tooFew) return [];
  const [value, reference] = [finite(found.candidate), finite(found.champion)];
  // Of a slice with one class only there is no auc, of neither model: that is the slice's, not the candidate's.
  if (value === null && reference === null) return [];
  if (value === null) return [against(`${name} of the candidate ${where} is not a number: evaluate again`)];
  if (reference === null)
    return [against(`${name} of the champion ${where} is not a number: evaluate again`)];
  const interval = soundInterval(`${name} ${where}`, found.interval, tolerance);
  if ('passed' in interval) return [interval];
  const allowed = allowedIn(slice, tolerance, input.rows);
  if (!Number.isFinite(allowed)) return [against(`the rows ${where} were not counted: evaluate again`)];
  if (interval.upper >= -allowed) return [];
  const better = improvementOf(input, name, value, reference);
  return [against(`${where}: ${comparison(name, value, reference, better, interval, allowed)}`)];
}

/** How much worse a slice may be beyond doubt, in the unit of the tolerance. */
export function allowedIn(slice: Pick<Slice, 'rows'>, tolerance: Tolerance, rows: number): number {
  return tolerance.value * Math.sqrt(rows / slice.rows);
}
