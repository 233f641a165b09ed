import { describe, expect, it } from 'vitest';
import type { Batch } from '../tables/columns.ts';
import { multiclassLabels } from './multiclass-labels.ts';

const batch = (texts: readonly string[]): Batch => ({
  rows: texts.length,
  column: () => texts,
  place: (row, name) => `holdout.csv:${row + 2}:${name}`,
});

function read(texts: readonly string[], names: (string | number)[] | undefined, width: number | undefined) {
  const reader = multiclassLabels(names, width);
  reader.add(batch(texts), 'y');
  const { labels, classes } = reader.finish('holdout.csv', 'y', width);
  return { labels: [...labels], classes };
}

describe('multiclassLabels', () => {
  it.each<[string, (string | number)[] | undefined, number | undefined, string[], number[], string[]]>([
    ['named by the model', ['c', 'a', 'b'], 3, ['a', 'c'], [1, 0], ['c', 'a', 'b']],
    ['integers that are no indices', [7, 5, 6], 3, ['5', '7'], [1, 0], ['7', '5', '6']],
    ['class indices, one lacking', [0, 1, 2], 3, ['2', '0'], [2, 0], ['0', '1', '2']],
    ['class indices that nobody names', undefined, 4, ['3', '0'], [3, 0], ['0', '1', '2', '3']],
    [
      'texts under class indices',
      [0, 1, 2],
      3,
      ['pear', 'apple', 'fig'],
      [2, 0, 1],
      ['apple', 'fig', 'pear'],
    ],
    ['texts that nobody names', undefined, 3, ['c', 'b', 'a'], [2, 1, 0], ['a', 'b', 'c']],
    ['numbers, by their value', undefined, 3, ['10', '9', '11'], [1, 0, 2], ['9', '10', '11']],
    ['before there is a model', undefined, undefined, ['b', 'a', 'b'], [1, 0, 1], ['a', 'b']],
  ])('takes labels %s', (_, names, width, texts, labels, classes) => {
    expect(read(texts, names, width)).toEqual({ labels, classes });
  });

  it.each<[string, (string | number)[] | undefined, number | undefined, string[], string, string]>([
    [
      'one that the model does not name',
      ['a', 'b', 'c'],
      3,
      ['a', 'd'],
      'label-unknown',
      'holdout.csv:3:y: found the label "d" where "a", "b" or "c"',
    ],
    ['an empty one', undefined, 3, ['a', ''], 'label-unknown', 'holdout.csv:3:y: found the label ""'],
    [
      'one too many',
      undefined,
      3,
      ['a', 'b', 'c', 'd'],
      'label-unknown',
      'holdout.csv:5:y: found the label "d"',
    ],
    [
      'a text beside indices',
      [0, 1, 2],
      3,
      ['1', 'x'],
      'label-unknown',
      'found the label "x" where "0", "1" or "2"',
    ],
    [
      'an index beside texts',
      [0, 1, 2],
      3,
      ['x', '1'],
      'label-unknown',
      'found the label "1" where "x" or another',
    ],
    ['one class only', undefined, 3, ['a', 'a'], 'label-one-class', 'every row has the label "a"'],
    [
      'too few to tell which they are',
      undefined,
      3,
      ['a', 'b'],
      'label-unclear',
      'holds 2 different labels ("a" or "b") where the model answers 3',
    ],
    [
      'as many names as there are no classes',
      ['a', 'b'],
      3,
      ['a', 'b'],
      'label-count-differs',
      'names 2 labels ("a" or "b") but answers 3',
    ],
  ])('refuses %s', (_, names, width, texts, code, message) => {
    expect(() => read(texts, names, width)).toThrow(
      expect.objectContaining({ code, exitCode: 1, message: expect.stringContaining(message) }),
    );
  });

  it('counts the names that a message has no room for', () => {
    const names = Array.from({ length: 9 }, (_, index) => `n${index}`);
    expect(() => read(['x'], names, 9)).toThrow(/"n0", "n1", "n2", "n3", "n4" or 4 others was expected/);
  });
});
