import { describe, expect, it } from 'vitest';
import { floatTensor, type TensorSpec } from '../../onnx/index.ts';
import type { Batch } from '../tables/columns.ts';
import { regression } from './regression.ts';

const batch = (texts: readonly string[]): Batch => ({
  rows: texts.length,
  column: () => texts,
  place: (row) => `h.csv:${row + 2}:1`,
});

function readLabels(...batches: string[][]) {
  const reader = regression.labels();
  for (const texts of batches) reader.add(batch(texts), 'y');
  return reader.finish('h.csv', 'y', 1);
}

describe('the labels of a regression', () => {
  it('are numbers, over several batches, and may all be alike', () => {
    const { labels, classes } = readLabels(['1.5', '-2e3'], ['0', ' 7 ']);
    expect([...labels]).toEqual([1.5, -2000, 0, 7]);
    expect(classes).toEqual([]);
    expect([...readLabels(['3', '3']).labels]).toEqual([3, 3]);
  });

  it.each(['', 'nan', 'much', 'Infinity', '1e999', '1,5'])('are refused with their place: %j', (text) => {
    expect(() => readLabels(['1', '2'], ['3', text])).toThrow(
      expect.objectContaining({
        code: 'label-not-a-number',
        exitCode: 1,
        message: `h.csv:3:1: found the label ${JSON.stringify(text)} where a finite number was expected.`,
      }),
    );
  });
});

describe('the output of a regression', () => {
  it.each<[string, TensorSpec[], string]>([
    ['of skl2onnx', [spec('variable', [null, 1])], 'variable'],
    ['of CatBoost, a vector', [spec('predictions', [null])], 'predictions'],
    ['the only fitting one', [spec('embedding', [null, 8]), spec('linear_3', [null, 1])], 'linear_3'],
    ['of unknown width', [spec('y', [null, null])], 'y'],
    [
      'by name',
      [spec('spread', [null, 1]), spec('output', [null, 1]), spec('variable', [null, 1])],
      'variable',
    ],
    ['in double precision', [spec('y', [null, 1], 'FP64')], 'y'],
  ])('is found: %s', (_, outputs, name) => {
    expect(regression.output({ inputs: [], outputs }).name).toBe(name);
  });

  it.each<[string, TensorSpec[]]>([
    ['two alike', [spec('a', [null, 1]), spec('b', [null])]],
    ['only classes', [spec('label', [null], 'INT64'), spec('variable', [null, 2])]],
    ['none', []],
  ])('is missing: %s', (_, outputs) => {
    expect(() => regression.output({ inputs: [], outputs })).toThrow(
      expect.objectContaining({ code: 'prediction-missing', exitCode: 1 }),
    );
  });
});

function readPredictions(shape: number[], values: number[]) {
  return regression.read(floatTensor('variable', shape, values), batch(['1', '2']), 'y');
}

describe('the predictions of a regression', () => {
  it.each([[[2, 1]], [[2]]])('are taken row by row from %j', (shape) => {
    const { width, predicted } = readPredictions(shape, [-0.5, 1e30]);
    expect(width).toBe(1);
    expect([...predicted]).toEqual([-0.5, Math.fround(1e30)]);
  });

  it.each([
    ['NaN', [2, 1], [1, Number.NaN], 'prediction-invalid', 'answered NaN for h.csv:3:1;'],
    [
      'infinity',
      [2],
      [Number.NEGATIVE_INFINITY, 1],
      'prediction-invalid',
      'answered -Infinity for h.csv:2:1;',
    ],
    [
      'two values per row',
      [2, 2],
      [1, 2, 3, 4],
      'prediction-shape',
      '[2,2] for 2 rows; expected [2,1] or [2]',
    ],
    ['another number of rows', [1, 1], [1], 'prediction-shape', '[1,1] for 2 rows'],
    ['rank 3', [2, 1, 1], [1, 2], 'prediction-shape', '[2,1,1] for 2 rows'],
  ])('are refused: %s', (_, shape, values, code, message) => {
    expect(() => readPredictions(shape, values)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});

function spec(name: string, shape: (number | null)[], dataType: TensorSpec['dataType'] = 'FP32'): TensorSpec {
  return { name, dataType, shape };
}
