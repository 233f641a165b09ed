import { failure } from '../../errors.ts';
import { quoted } from '../tables/columns.ts';
import { parseNumber } from '../tables/numbers.ts';
import type { LabelReader } from './task.ts';

/** Labels that are numbers. `add` throws `label-not-a-number` for the first that is none, or not finite. */
export function numericLabels(): LabelReader {
  const labels: number[] = [];
  return {
    add: (batch, column) => {
      for (const [row, text] of batch.column(column).entries()) {
        const label = parseNumber(text);
        if (label === undefined || !Number.isFinite(label)) throw notANumber(batch.place(row, column), text);
        labels.push(label);
      }
    },
    finish: () => ({ labels: Float64Array.from(labels), classes: [] }),
  };
}

function notANumber(place: string, found: string): Error {
  return failure(
    'label-not-a-number',
    `${place}: found the label ${quoted(found)} where a finite number was expected.`,
    'Correct the row, or set evaluate.task to a classification if the labels are classes.',
  );
}
