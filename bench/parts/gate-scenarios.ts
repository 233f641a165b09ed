import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededShuffle } from './shuffle.ts';
import { ROOT } from './program.ts';

export const EXAMPLE = join(ROOT, 'examples/churn');

/** As many rows as the example has in its first part, its second part and its holdout. */
const SIZES = { first: 2000, second: 1333, holdout: 1667 };

/** One way in which all rows of the example are dealt out anew. */
export interface Split {
  folder: string;
  first: string;
  holdout: string;
  /** Writes the second part, changed row by row, beside the first one; gives the folder of both. */
  withSecond: (name: string, change: (row: string[]) => string[]) => Promise<string>;
  columns: readonly string[];
}

/** Deals out all rows of the example by a seed. */
export async function dealOut(folder: string, seed: number): Promise<Split> {
  const files = ['data/train/churn-1.csv', 'arrivals/churn-2.csv', 'data/holdout.csv'];
  const texts = await Promise.all(files.map((file) => readFile(join(EXAMPLE, file), 'utf8')));
  const [header = ''] = texts[0]?.split('\n') ?? [];
  const rows = seededShuffle(
    texts.flatMap((text) => text.trimEnd().split('\n').slice(1)),
    seed,
  );
  const part = (from: number, count: number) => rows.slice(from, from + count);
  const write = async (file: string, lines: readonly string[]): Promise<string> => {
    await writeFile(file, `${[header, ...lines].join('\n')}\n`);
    return file;
  };
  await mkdir(folder, { recursive: true });
  const first = part(0, SIZES.first);
  const second = part(SIZES.first, SIZES.second);
  return {
    folder,
    first: await write(join(folder, 'first.csv'), first),
    holdout: await write(join(folder, 'holdout.csv'), part(SIZES.first + SIZES.second, SIZES.holdout)),
    withSecond: async (name, change) => {
      const both = join(folder, name);
      await mkdir(both, { recursive: true });
      await write(join(both, 'first.csv'), first);
      await write(
        join(both, 'second.csv'),
        second.map((row) => change(row.split(',')).join(',')),
      );
      return both;
    },
    columns: header.split(','),
  };
}

/** What is proposed to the gate, and how often it should be refused. */
export interface Scenario {
  name: string;
  /** Rows of the second part as they arrive; `undefined` when no data arrive. */
  change?: (row: string[], columns: readonly string[]) => string[];
  training: 'example' | 'weak' | 'mlp';
  expected: 'at most 1 in 20' | 'all';
}

const replaced = (column: string, change: (text: string) => string): Required<Scenario>['change'] => {
  return (row, columns) => row.with(columns.indexOf(column), change(row[columns.indexOf(column)] ?? ''));
};

export const SCENARIOS: readonly Scenario[] = [
  { name: 'honest new data', change: (row) => row, training: 'example', expected: 'at most 1 in 20' },
  {
    name: 'new data with inverted labels',
    change: replaced('churn', (text) => (text === 'yes' ? 'no' : 'yes')),
    training: 'example',
    expected: 'all',
  },
  {
    name: 'the same for international plans only',
    change: (row, columns) =>
      row[columns.indexOf('international_plan')] === 'yes'
        ? row.with(columns.indexOf('churn'), row[columns.indexOf('churn')] === 'yes' ? 'no' : 'yes')
        : row,
    training: 'example',
    expected: 'all',
  },
  {
    name: 'new data with minutes as seconds',
    change: replaced('total_day_minutes', (text) => String(Number(text) * 60)),
    training: 'example',
    expected: 'all',
  },
  { name: '20 trees of depth 2', training: 'weak', expected: 'all' },
  { name: 'an MLP', training: 'mlp', expected: 'all' },
];
