import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unknownCategories } from './unknown-categories.ts';

const numeric = {
  kind: 'numeric' as const,
  rows: 1,
  mean: 0,
  standardDeviation: 0,
  minimum: 0,
  maximum: 0,
  deciles: [],
};
const plans = { kind: 'categorical' as const, rows: 4, shares: { basic: 0.5, plus: 0.5 } };

function holdout(text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'edgeloop-categories-')), 'holdout.csv');
  writeFileSync(file, text);
  return file;
}

describe('unknownCategories', () => {
  it('counts rows, shows three values, and leaves numbers, empty cells and other columns alone', async () => {
    const file = holdout('age,plan,other\n1,gold,x\n2,basic,y\n9,gold,z\n3,a,\n4,b,\n5,c,\n6,,\n');
    expect(await unknownCategories(file, { age: numeric, plan: plans, absent: plans })).toEqual([
      { column: 'plan', rows: 5, examples: ['gold', 'a', 'b'] },
    ]);
  });

  it('finds nothing where every value was trained on, or where the card kept a part of them only', async () => {
    const file = holdout('plan\nbasic\nplus\n');
    expect(await unknownCategories(file, { plan: plans })).toEqual([]);
    const shares = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`p${index}`, 0.001]));
    expect(await unknownCategories(file, { plan: { ...plans, shares } })).toEqual([]);
  });
});
