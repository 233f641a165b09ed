import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ColumnStatistics, ModelSignature } from '../../onnx/index.ts';
import { referenceStatistics } from './statistics.ts';
import { inspectData } from './inspect-data.ts';

const EXAMPLE = join(import.meta.dirname, '../../../examples/churn');
const TRAIN = join(EXAMPLE, 'data/train/churn-1.csv');
const LATER = join(EXAMPLE, 'arrivals/churn-2.csv');
const HOLDOUT = join(EXAMPLE, 'data/holdout.csv');

const spec = (name: string, dataType: 'FP32' | 'BYTES') => ({ name, dataType, shape: [null, 1] });
const signature: ModelSignature = {
  inputs: [
    spec('state', 'BYTES'),
    spec('international_plan', 'BYTES'),
    spec('total_day_minutes', 'FP32'),
    spec('number_vmail_messages', 'FP32'),
  ],
  outputs: [],
};

const folder = mkdtempSync(join(tmpdir(), 'edgeloop-data-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function reference(): Promise<Record<string, ColumnStatistics>> {
  return (await referenceStatistics([TRAIN], signature)) ?? {};
}

/** A copy of a table in which one column is rewritten. */
function rewritten(file: string, column: string, change: (text: string) => string): string {
  const [header = '', ...rows] = readFileSync(file, 'utf8').trim().split('\n');
  const index = header.split(',').indexOf(column);
  const lines = rows.map((row) =>
    row
      .split(',')
      .with(index, change(row.split(',')[index] ?? ''))
      .join(','),
  );
  const target = join(folder, `${column}-${lines.length}.csv`);
  writeFileSync(target, [header, ...lines, ''].join('\n'));
  return target;
}

const inspect = async (files: string[], holdout = HOLDOUT) =>
  (
    await inspectData({
      train: { files, sampled: false },
      holdout,
      notFeatures: ['churn'],
      reference: await reference(),
    })
  ).record;

function psiOf(shift: Awaited<ReturnType<typeof inspect>>['train'], column: string): number {
  const found =
    shift.outcome === 'measured' ? shift.features.find((each) => each.column === column) : undefined;
  return found?.psi ?? Number.NaN;
}

describe('inspectData', () => {
  it('finds next to no shift in honest new data', async () => {
    const { train, holdout, overlap } = await inspect([TRAIN, LATER]);
    for (const { name } of signature.inputs) {
      expect(psiOf(train, name)).toBeLessThan(0.1);
      expect(psiOf(holdout, name)).toBeLessThan(0.1);
    }
    expect(train).toMatchObject({ outcome: 'measured', rows: 3333, absent: [] });
    expect(overlap).toMatchObject({ outcome: 'measured', rows: 1667, trainingRows: 3333, found: 0 });
  });

  it('finds minutes that arrive as seconds, above 10', async () => {
    const seconds = rewritten(LATER, 'total_day_minutes', (text) => String(Number(text) * 60));
    expect(psiOf((await inspect([seconds])).train, 'total_day_minutes')).toBeGreaterThan(10);
  });

  it('compares only the files that the champion was not trained on, which old data beside them would hide', async () => {
    const seconds = rewritten(LATER, 'total_day_minutes', (text) => String(Number(text) * 60));
    const files = [TRAIN, seconds];
    expect(psiOf((await inspect(files)).train, 'total_day_minutes')).toBeLessThan(2);
    const args = { holdout: HOLDOUT, notFeatures: ['churn'], reference: await reference() };
    const fresh = await inspectData({ ...args, train: { files, fresh: [seconds], sampled: false } });
    expect(psiOf(fresh.record.train, 'total_day_minutes')).toBeGreaterThan(10);
    expect(fresh.record.train).toMatchObject({ rows: 1333, part: 'new' });
    expect(fresh.record.overlap).toMatchObject({ trainingRows: 3333 });
    const none = await inspectData({ ...args, train: { files, fresh: [], sampled: false } });
    expect(none.record.train).toMatchObject({ rows: 3333, part: 'all' });
  });

  it('finds a feature that has gone missing', async () => {
    const empty = rewritten(LATER, 'total_day_minutes', () => '');
    expect(psiOf((await inspect([empty])).train, 'total_day_minutes')).toBeGreaterThan(10);
  });

  it('finds categories that are written another way', async () => {
    const other = rewritten(LATER, 'international_plan', (text) => (text === 'yes' ? 'True' : 'False'));
    const { train } = await inspect([other]);
    expect(train).toMatchObject({
      features: expect.arrayContaining([
        expect.objectContaining({ column: 'international_plan', unknown: 1, examples: ['False', 'True'] }),
      ]),
    });
  });

  it('finds rows of the holdout in the training data, however their numbers are written', async () => {
    const [header = '', ...rows] = readFileSync(HOLDOUT, 'utf8').trim().split('\n');
    const leak = join(folder, 'leak.csv');
    const written = rows.slice(0, 40).map((row) => row.replace(/,(\d+)(?=,)/, ',$1.0'));
    writeFileSync(leak, [header, ...written, rows[0], ''].join('\n'));
    const { overlap } = await inspect([TRAIN, leak]);
    expect(overlap).toMatchObject({ found: 40, rows: 1667, trainingRows: 2041 });
  });

  it('does not take a label that both have for a row that both have', async () => {
    const labels = join(folder, 'labels.csv');
    writeFileSync(labels, ['churn,other', ...Array.from({ length: 60 }, () => 'no,1'), ''].join('\n'));
    expect((await inspect([labels])).overlap).toMatchObject({ outcome: 'not-applicable' });
    // Without its label a leaked row is still the same row.
    const [header = '', ...rows] = readFileSync(HOLDOUT, 'utf8').trim().split('\n');
    const unlabelled = join(folder, 'unlabelled.csv');
    const cut = [header, ...rows.slice(0, 60)].map((row) => row.split(',').slice(0, -1).join(','));
    writeFileSync(unlabelled, `${cut.join('\n')}\n`);
    expect((await inspect([unlabelled])).overlap).toMatchObject({ outcome: 'measured', found: 60 });
  });

  it('counts a row of the holdout that stands there twice as two', async () => {
    const [header = '', first = '', second = ''] = readFileSync(HOLDOUT, 'utf8').split('\n');
    const [holdout, train] = [join(folder, 'twice.csv'), join(folder, 'once.csv')];
    writeFileSync(holdout, [header, first, first, second, ''].join('\n'));
    writeFileSync(train, [header, first, ''].join('\n'));
    expect((await inspect([train], holdout)).overlap).toMatchObject({ found: 2, rows: 3 });
  });

  it('records why something could not be compared', async () => {
    const files = [TRAIN];
    const none = await inspectData({
      train: { files, sampled: false },
      holdout: HOLDOUT,
      notFeatures: ['churn'],
      reference: { reason: 'there is no champion yet' },
    });
    expect(none.record).toMatchObject({
      train: { outcome: 'not-applicable', reason: 'there is no champion yet' },
      holdout: { outcome: 'not-applicable' },
      overlap: { outcome: 'measured', found: 0 },
    });
    const pictures = await inspect([join(folder, 'picture.png')], join(folder, 'pictures'));
    expect(pictures).toEqual({
      train: { outcome: 'not-applicable', reason: 'the training data are not tables' },
      holdout: { outcome: 'not-applicable', reason: 'the holdout is not a table' },
      overlap: { outcome: 'not-applicable', reason: 'the training data are not tables' },
    });
    const other = join(folder, 'other.csv');
    writeFileSync(other, 'a,b\n1,2\n');
    expect(await inspect([other])).toMatchObject({
      train: { outcome: 'not-applicable', reason: 'no column is one that the champion was trained on' },
      overlap: {
        outcome: 'not-applicable',
        reason: 'the training data have no column "account_length" as the holdout has one',
      },
    });
    const few = join(folder, 'few.csv');
    writeFileSync(few, readFileSync(LATER, 'utf8').split('\n').slice(0, 50).join('\n'));
    expect((await inspect([few])).train).toEqual({
      outcome: 'not-applicable',
      reason: '49 rows are too few to tell a shift from chance',
    });
  });

  it('does not mind how a file is written that has no column in common', async () => {
    const german = join(folder, 'german.csv');
    writeFileSync(german, 'a;b\n1,5;2\n1,5;2,7;3\n');
    expect(await inspect([german])).toMatchObject({
      train: { reason: 'no column is one that the champion was trained on' },
      overlap: { reason: 'the training data have no column "account_length" as the holdout has one' },
    });
  });

  it('names a file that is no table, and not where it lies', async () => {
    const nested = join(folder, 'nested.jsonl');
    writeFileSync(nested, '{"state":"CA","calls":[1,2]}\n');
    const { train } = await inspect([nested]);
    expect(train).toEqual({
      outcome: 'not-applicable',
      reason: expect.stringMatching(
        /^the training data are not tables: nested\.jsonl:1:\d+: "calls" holds an array/,
      ),
    });
  });

  it('says which of the columns are gone', async () => {
    const states = join(folder, 'states.csv');
    writeFileSync(states, ['state', ...Array.from({ length: 60 }, () => 'CA'), ''].join('\n'));
    expect((await inspect([states])).train).toMatchObject({
      absent: ['international_plan', 'total_day_minutes', 'number_vmail_messages'],
    });
  });
});
