import { failure } from '../../errors.ts';
import type { ModelSignature } from '../../onnx/index.ts';
import { quoted } from '../tables/columns.ts';
import { ascendingLabels, oneClass, unknownLabel } from './labels.ts';
import type { LabelReader } from './task.ts';

/**
 * Two classes. A model that names its labels (texts, or integers compared as text) decides which is class 1. One that
 * names none, or only the class indices 0 and 1, leaves it to the data: the two distinct values in ascending order,
 * as scikit-learn's LabelEncoder numbers them. `finish` throws `label-one-class`.
 */
export function binaryLabels(names: ModelSignature['labels']): LabelReader {
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
      if (first === undefined || second === undefined)
        throw oneClass(file, column, first ?? '', 'both classes');
      const ordered = onlyIndices ? ascendingLabels([first, second]) : [named?.[0], named?.[1]];
      const firstIsZero = ordered[0] === first;
      const all = Buffer.concat(codes);
      return {
        labels: Float64Array.from(all, (code) => (firstIsZero ? code : 1 - code)),
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

function notBinary(names: readonly string[]): Error {
  return failure(
    'label-not-binary',
    `The model names ${names.length} labels (${names.slice(0, 5).map(quoted).join(', ')}) where binary classification has two.`,
    'Train a model with two classes.',
  );
}
