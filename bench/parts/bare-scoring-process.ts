/*
 * The peer of scoring: csv-parse and onnxruntime-node in one process, 1,000 rows at a time, nothing checked. Takes
 * MODEL and HOLDOUT and prints a line of JSON.
 */
import { parse } from 'csv-parse';
import { createReadStream } from 'node:fs';
import * as ort from 'onnxruntime-node';

const ROWS_PER_RUN = 1000;

async function score(model: string, holdout: string): Promise<{ rows: number; mean: number }> {
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  let [rows, sum] = [0, 0];
  const run = async (records: Record<string, string>[]) => {
    const { probabilities } = await session.run(tensorsOf(session, records), ['probabilities']);
    const values = probabilities?.data as Float32Array;
    for (let index = 1; index < values.length; index += 2) sum += values[index] ?? NaN;
    rows += records.length;
  };
  let records: Record<string, string>[] = [];
  for await (const record of createReadStream(holdout).pipe(parse({ columns: true }))) {
    records.push(record as Record<string, string>);
    if (records.length < ROWS_PER_RUN) continue;
    await run(records);
    records = [];
  }
  if (records.length > 0) await run(records);
  return { rows, mean: sum / rows };
}

function tensorsOf(
  session: ort.InferenceSession,
  records: readonly Record<string, string>[],
): Record<string, ort.Tensor> {
  const tensors = session.inputMetadata.map((input) => {
    const texts = records.map((record) => record[input.name] ?? '');
    const shape = [records.length, 1];
    return [
      input.name,
      input.isTensor && input.type === 'string'
        ? new ort.Tensor('string', texts, shape)
        : new ort.Tensor('float32', Float32Array.from(texts, Number), shape),
    ];
  });
  return Object.fromEntries(tensors);
}

const [model = '', holdout = ''] = process.argv.slice(2);
const began = performance.now();
const found = await score(model, holdout);
console.log(JSON.stringify({ ...found, seconds: (performance.now() - began) / 1000 }));
