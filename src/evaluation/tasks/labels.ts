import { failure } from '../../errors.ts';
import { quoted } from '../tables/columns.ts';
import { parseNumber } from '../tables/numbers.ts';

/** Labels in the order in which scikit-learn's LabelEncoder numbers them: numbers by their value, else by the text. */
export function ascendingLabels(labels: readonly string[]): string[] {
  const numbers = new Map(labels.map((label) => [label, parseNumber(label)]));
  const numeric = [...numbers.values()].every((number) => number !== undefined);
  const difference = (a: string, b: string) => (numbers.get(a) ?? 0) - (numbers.get(b) ?? 0);
  return labels.toSorted((a, b) => (numeric && difference(a, b)) || (a < b ? -1 : 1));
}

/** A few labels for a message: `"a", "b" or "c"`, the rest counted. */
export function listed(labels: readonly string[]): string {
  const shown = labels.slice(0, 5).map(quoted);
  const last = labels.length > shown.length ? `${labels.length - shown.length} others` : shown.pop();
  return shown.length === 0 ? (last ?? '') : `${shown.join(', ')} or ${last}`;
}

export function unknownLabel(place: string, found: string, expected: string): Error {
  return failure(
    'label-unknown',
    `${place}: found the label ${quoted(found)} where ${expected} was expected.`,
    'Correct the row, or train a model that knows this label.',
  );
}

export function oneClass(file: string, column: string, found: string, others: string): Error {
  return failure(
    'label-one-class',
    `${file}: every row has the label ${quoted(found)} in the column ${quoted(column)}; a comparison needs rows of ${others}.`,
    'Add rows of the other class to the holdout.',
  );
}
