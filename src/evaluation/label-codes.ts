import { failure } from '../errors.ts';
import type { ModelSignature } from '../onnx/index.ts';
import { type Batch, quoted } from './columns.ts';
import { parseNumber } from './numbers.ts';

/** Collects the label column of a holdout, and says at the end which class each row belongs to. */
export interface LabelCodes {
  /** Takes the labels of one batch. Throws `label-unknown` for the first value that is not a class. */
  add(batch: Batch, column: string): void;
  /** Class index of each row, and the labels of class 0 and 1 as they stand in the data. Throws `label-one-class`. */
  finish(file: string, column: string): { labels: Uint8Array; classes: [string, string] };
}

/**
 * Two classes. A model that names its labels (texts, or integers compared as text) decides which is class 1. One that
 * names none, or only the class indices 0 and 1, leaves it to the data: the two distinct values in ascending order,
 * as scikit-learn's LabelEncoder numbers them.
 */
export function labelCodes(names: ModelSignature['labels']): LabelCodes {
  const named = names?.map(String);
  if (named !== undefined && named.length !== 2) throw notBinary(named);
  const onlyIndices = names === undefined || (names[0] === 0 && names[1] === 1);
  const values: string[] = [];
  const codes: Uint8Array[] = [];
  return {
    add: (batch, column) => {
      const texts = batch.column(column);
      codes.push(
        Uint8Array.from(texts, (text, row) => {
          const code = values.indexOf(text);
          if (code >= 0) return code;
          const expected = expectedInstead(text, values, named, onlyIndices);
          if (expected !== undefined) throw unknownLabel(batch.place(row, column), text, expected);
          return values.push(text) - 1;
        }),
      );
    },
    finish: (file, column) => {
      const [first, second] = values;
      if (first === undefined || second === undefined) throw oneClass(file, column, first ?? '');
      const ordered = onlyIndices ? ascending(first, second) : [named?.[0], named?.[1]];
      const firstIsZero = ordered[0] === first;
      const all = Buffer.concat(codes);
      return {
        labels: Uint8Array.from(all, (code) => (firstIsZero ? code : 1 - code)),
        classes: firstIsZero ? [first, second] : [second, first],
      };
    },
  };
}

/** For a label that was not seen before: what should have stood there, or `undefined` when it is fine. */
function expectedInstead(
  text: string,
  seen: readonly string[],
  named: readonly string[] | undefined,
  onlyIndices: boolean,
): string | undefined {
  const names = named?.map(quoted).join(' or ') ?? 'a label';
  if (!onlyIndices) return named?.includes(text) ? undefined : names;
  if (seen.length === 2) return seen.map(quoted).join(' or ');
  if (text === '') return seen.length === 0 ? 'a label' : `${seen.map(quoted).join()} or another label`;
  // "1" beside "2" under a model with the labels 0 and 1 would be read as class 0: nobody means that.
  const [first] = seen;
  if (first === undefined || named === undefined || named.includes(first) === named.includes(text))
    return undefined;
  return named.includes(first) ? names : `${quoted(first)} or another label of its kind`;
}

function ascending(a: string, b: string): [string, string] {
  const [x, y] = [parseNumber(a), parseNumber(b)];
  const inOrder = x === undefined || y === undefined || x === y ? a < b : x < y;
  return inOrder ? [a, b] : [b, a];
}

function notBinary(names: readonly string[]): Error {
  return failure(
    'label-not-binary',
    `The model names ${names.length} labels (${names.slice(0, 5).map(quoted).join(', ')}) where binary classification has two.`,
    'Train a model with two classes.',
  );
}

function unknownLabel(place: string, found: string, expected: string): Error {
  return failure(
    'label-unknown',
    `${place}: found the label ${quoted(found)} where ${expected} was expected.`,
    'Correct the row, or train a model that knows this label.',
  );
}

function oneClass(file: string, column: string, found: string): Error {
  return failure(
    'label-one-class',
    `${file}: every row has the label ${quoted(found)} in the column ${quoted(column)}; a comparison needs rows of both classes.`,
    'Add rows of the other class to the holdout.',
  );
}
