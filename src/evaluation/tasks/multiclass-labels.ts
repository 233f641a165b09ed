import { failure } from '../../errors.ts';
import type { ModelSignature } from '../../onnx/index.ts';
import { quoted } from '../tables/columns.ts';
import { ascendingLabels, listed, oneClass, unknownLabel } from './labels.ts';
import type { LabelReader } from './task.ts';

/**
 * K classes. A model that names its labels (texts, or integers compared as text) decides which class is which, and the
 * holdout may lack some of them. One that names none, or only the class indices, leaves it to the data: they are class
 * indices themselves, or as many different values as there are classes, in ascending order, as scikit-learn's
 * LabelEncoder numbers them. `finish` throws `label-one-class`, `label-count-differs` and `label-unclear`.
 */
export function multiclassLabels(names: ModelSignature['labels'], outputWidth?: number): LabelReader {
  const named = names?.map(String);
  const onlyIndices = names === undefined || names.every((name, index) => name === index);
  const most = named?.length ?? outputWidth ?? Number.POSITIVE_INFINITY;
  const codes = new Map<string, number>();
  const rows: number[] = [];
  const expectedInstead = (text: string): string | undefined => {
    if (!onlyIndices) return named?.includes(text) ? undefined : listed(named ?? []);
    if (text === '') return 'a label';
    if (codes.size >= most) return listed([...codes.keys()]);
    // "10" beside "1" to "9" under a model with the labels 0 to 9 would be read as class 9: nobody means that.
    const [first] = codes.keys();
    if (first === undefined || named === undefined || named.includes(first) === named.includes(text))
      return undefined;
    return named.includes(first) ? listed(named) : `${quoted(first)} or another label of its kind`;
  };
  return {
    add: (batch, column) => {
      for (const [row, text] of batch.column(column).entries()) {
        let code = codes.get(text);
        if (code === undefined) {
          const expected = expectedInstead(text);
          if (expected !== undefined) throw unknownLabel(batch.place(row, column), text, expected);
          code = codes.size;
          codes.set(text, code);
        }
        rows.push(code);
      }
    },
    finish: (file, column, width) => {
      const found = [...codes.keys()];
      if (found.length < 2) throw oneClass(file, column, found[0] ?? '', 'at least two classes');
      if (named !== undefined && width !== undefined && named.length !== width)
        throw countDiffers(named, width);
      const classes = onlyIndices ? classesOf(found, width) : named;
      if (classes === undefined) throw unclear(file, column, found, width);
      const indices = found.map((text) => classes.indexOf(text));
      return { labels: Float64Array.from(rows, (code) => indices[code] ?? 0), classes };
    },
  };
}

/** The classes of a model that does not name them; `undefined` when the data do not tell either. */
function classesOf(found: readonly string[], width = found.length): string[] | undefined {
  const indices = Array.from({ length: width }, (_, index) => String(index));
  if (found.every((text) => indices.includes(text))) return indices;
  return found.length === width ? ascendingLabels(found) : undefined;
}

function countDiffers(named: readonly string[], width: number): Error {
  return failure(
    'label-count-differs',
    `The model names ${named.length} labels (${listed(named)}) but answers ${width} probabilities for each row.`,
    'Name one label for each column of the probabilities, in their order.',
  );
}

function unclear(file: string, column: string, found: readonly string[], width: number | undefined): Error {
  return failure(
    'label-unclear',
    `${file}: the column ${quoted(column)} holds ${found.length} different labels (${listed(found)}) where the model answers ${width} probabilities, so which is which is not known.`,
    'Let the model name its labels: {"labels": [...]} in a trainer.json beside it, in the order of the probabilities.',
  );
}
