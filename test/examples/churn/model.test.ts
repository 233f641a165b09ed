import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { scoreOf, sigmoid } from '../../../examples/churn/training/boost.ts';
import { CLASSES, FEATURES, LABEL } from '../../../examples/churn/training/columns.ts';
import { csvRecords } from '../../../examples/churn/training/csv.ts';
import { encode } from '../../../examples/churn/training/encode.ts';
import { fit } from '../../../examples/churn/training/fit.ts';
import { readTable } from '../../../examples/churn/training/table.ts';

const EXAMPLE = join(import.meta.dirname, '../../../examples/churn');
const scratch = mkdtempSync(join(tmpdir(), 'churn-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Trains on these folders' files together, and returns the path of the model. */
function train(...folders: string[]): string {
  const data = mkdtempSync(join(scratch, 'data-'));
  for (const folder of folders) cpSync(join(EXAMPLE, folder), data, { recursive: true });
  const out = mkdtempSync(join(scratch, 'out-'));
  const program = join(EXAMPLE, 'training/train.ts');
  execFileSync(process.execPath, [program, '--data', data, '--out', out, '--trees', '120']);
  return join(out, 'model.onnx');
}

/** The rows of a file by column name. */
function rowsOf(file: string): Record<string, string>[] {
  const [header, ...records] = [...csvRecords(readFileSync(file, 'utf8'), file)];
  const names = header?.values.map(({ text }) => text) ?? [];
  return records.map(({ values }) =>
    Object.fromEntries(names.map((name, i) => [name, values[i]?.text ?? ''])),
  );
}

async function predict(model: string, rows: Record<string, string>[]) {
  const session = await InferenceSession.create(model);
  const feeds = FEATURES.map(({ name, kind }) => {
    const texts = rows.map((row) => row[name] ?? '');
    const shape = [rows.length, 1];
    return [
      name,
      kind === 'text' ? new Tensor('string', texts, shape) : new Tensor('float32', texts.map(Number), shape),
    ];
  });
  const { label, probabilities } = await session.run(Object.fromEntries(feeds));
  expect([label?.type, label?.dims]).toEqual(['int64', [rows.length]]);
  expect([probabilities?.type, probabilities?.dims]).toEqual(['float32', [rows.length, 2]]);
  return {
    session,
    labels: Array.from(label?.data ?? [], Number),
    churn: Array.from(probabilities?.data ?? [], Number).filter((_, i) => i % 2 === 1),
    stay: Array.from(probabilities?.data ?? [], Number).filter((_, i) => i % 2 === 0),
  };
}

/** Share of the pairs of a churner and another in which the churner has the higher probability. */
function auc(churn: number[], rows: Record<string, string>[]): number {
  const of = (label: string): number[] => churn.filter((_, row) => rows[row]?.[LABEL] === label);
  const [no, yes] = [of('no'), of('yes')];
  const wins = yes.flatMap((high) => no.map((low) => (high > low ? 1 : Number(high === low) / 2)));
  return wins.reduce<number>((sum, win) => sum + win, 0) / wins.length;
}

describe('the model', () => {
  const holdout = rowsOf(join(EXAMPLE, 'data/holdout.csv'));
  const model1 = train('data/train');

  it('ranks the customers of the holdout, better with more data', async () => {
    const both = train('data/train', 'arrivals');
    const auc1 = auc((await predict(model1, holdout)).churn, holdout);
    const auc2 = auc((await predict(both, holdout)).churn, holdout);
    expect(auc1).toBeGreaterThan(0.91);
    expect(auc2).toBeGreaterThan(0.93);
  });

  it('has one input per column and answers a class and two probabilities', async () => {
    const { session, labels, churn, stay } = await predict(model1, holdout);
    expect(session.inputMetadata).toMatchObject(
      FEATURES.map(({ name, kind }) => ({
        name,
        type: kind === 'text' ? 'string' : 'float32',
        shape: ['N', 1],
      })),
    );
    expect(session.outputMetadata).toMatchObject([
      { name: 'label', type: 'int64', shape: ['N'] },
      { name: 'probabilities', type: 'float32', shape: ['N', 2] },
    ]);
    expect(labels).toEqual(churn.map((probability) => Number(probability > 0.5)));
    for (const [row, probability] of churn.entries())
      expect(probability + (stay[row] ?? 0)).toBeCloseTo(1, 6);
  });

  it('computes the probabilities that the training computed', async () => {
    const table = readTable(join(EXAMPLE, 'data/train'), () => {});
    const { inputs, ensemble } = fit(table, { trees: 120, depth: 4, rate: 0.1 }, () => {});
    const expected = holdout.map((row) => {
      const values = inputs.map((input) => {
        const text = row[input.name] ?? '';
        return input.kind === 'text' ? (encode([text], input.encoding)[0] ?? NaN) : Math.fround(Number(text));
      });
      return sigmoid(scoreOf(ensemble, values));
    });
    const { churn } = await predict(model1, holdout);
    const differences = churn.map((probability, row) => Math.abs(probability - (expected[row] ?? NaN)));
    expect(Math.max(...differences)).toBeLessThan(1e-6);
  });

  it('takes a state that it never saw for one of those that it knows', async () => {
    const churnIn = async (state: string): Promise<number[]> => {
      const moved = holdout.slice(0, 50).map((row) => Object.assign({}, row, { state }));
      return (await predict(model1, moved)).churn;
    };
    const states = [...new Set(holdout.map((row) => row['state'] ?? ''))];
    expect(await Promise.all(states.map((state) => churnIn(state)))).toContainEqual(await churnIn('Bavaria'));
  });

  it('says in its metadata what its classes and inputs are', () => {
    const bytes = readFileSync(model1, 'latin1');
    expect(bytes).toContain(JSON.stringify(CLASSES));
    expect(bytes).toContain(JSON.stringify(FEATURES.map(({ name }) => name)));
  });
});
