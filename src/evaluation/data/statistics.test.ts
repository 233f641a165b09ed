import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { columnStatisticsSchema, type ModelSignature } from '../../onnx/index.ts';
import { referenceStatistics } from './statistics.ts';

const modelSignature: ModelSignature = {
  inputs: [
    { name: 'minutes', dataType: 'FP32', shape: [null, 1] },
    { name: 'state', dataType: 'BYTES', shape: [null, 1] },
  ],
  outputs: [],
};

describe('referenceStatistics', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-statistics-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };

  it('describes the inputs over all files, and only them', async () => {
    const one = await write('1.csv', 'minutes,state,churn\n1,KS,no\n2,OH,no\n,KS,yes\n');
    const two = await write('2.csv', 'state,minutes\nKS,3\nNJ,5\n');
    const statistics = await referenceStatistics([one, two], modelSignature);
    expect(statistics).toEqual({
      minutes: {
        kind: 'numeric',
        rows: 4,
        mean: 2.75,
        // numpy.std and numpy.quantile of [1, 2, 3, 5], six digits.
        standardDeviation: 1.47902,
        minimum: 1,
        maximum: 5,
        deciles: [1.3, 1.6, 1.9, 2.2, 2.5, 2.8, 3.2, 3.8, 4.4],
        shares: [0.25, 0, 0, 0.25, 0, 0, 0.25, 0, 0, 0.25],
        missing: 0.2,
      },
      state: { kind: 'categorical', rows: 5, shares: { KS: 0.6, NJ: 0.2, OH: 0.2 } },
    });
    for (const each of Object.values(statistics ?? {})) columnStatisticsSchema.parse(each);
  });

  it('samples a long column, evenly and the same every time', async () => {
    const file = await write(
      'long.csv',
      `minutes\n${Array.from({ length: 150_000 }, (_, row) => row).join('\n')}\n`,
    );
    const found = await referenceStatistics([file], modelSignature);
    expect(await referenceStatistics([file], modelSignature)).toEqual(found);
    const minutes = found?.minutes;
    if (minutes?.kind !== 'numeric') throw new Error('expected numbers');
    expect(minutes).toMatchObject({ rows: 150_000, mean: 74_999.5, maximum: 149_999 });
    for (const [index, cut] of minutes.deciles.entries()) {
      expect(Math.abs(cut - 15_000 * (index + 1))).toBeLessThan(750);
    }
  });

  it('is nothing for data that is not a table, or shares no column', async () => {
    expect(await referenceStatistics([await write('a.pkl', 'x')], modelSignature)).toBeUndefined();
    expect(await referenceStatistics([await write('b.csv', 'other\n1\n')], modelSignature)).toBeUndefined();
    expect(await referenceStatistics([], modelSignature)).toBeUndefined();
  });

  it('names the cell where text stands for a number', async () => {
    const file = await write('bad.csv', 'state,minutes\nKS,1\nKS,long\n');
    await expect(referenceStatistics([file], modelSignature)).rejects.toMatchObject({
      code: 'cell-not-a-number',
      message: expect.stringContaining('bad.csv:3:4: found "long"'),
    });
  });
});
