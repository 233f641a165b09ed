import { z } from 'zod';
import { openConnection, postBytes } from './connection.ts';
import type { LoadTarget } from './load.ts';

const answerSchema = z.object({
  model_version: z.string(),
  outputs: z.array(z.object({ name: z.string(), data: z.array(z.number()) })),
});

const TOLERANCE = 1e-5;

/**
 * Asks for every row once and compares status, version and all outputs with what bare ONNX Runtime computed. Returns
 * the bodies, which each later answer of that version must repeat byte for byte, and what was wrong.
 */
export async function referenceAnswers(
  { host, port, path, bodies }: Pick<LoadTarget, 'host' | 'port' | 'path' | 'bodies'>,
  version: string,
  bare: readonly Record<string, readonly number[]>[],
): Promise<{ answers: string[]; wrong: string[] }> {
  const connection = await openConnection(host, port);
  const answers: string[] = [];
  const wrong: string[] = [];
  for (const [row, body] of bodies.entries()) {
    const answer = await connection.ask(postBytes(host, path, body));
    const text = answer.body.toString();
    answers.push(text);
    const difference =
      answer.status === 200
        ? differenceOf(answerSchema.parse(JSON.parse(text)), version, bare[row] ?? {})
        : `status ${answer.status}: ${text}`;
    if (difference !== undefined) wrong.push(`${path} row ${row}: ${difference}`);
  }
  connection.close();
  return { answers, wrong: wrong.slice(0, 5) };
}

function differenceOf(
  answer: z.infer<typeof answerSchema>,
  version: string,
  bare: Record<string, readonly number[]>,
): string | undefined {
  if (answer.model_version !== version) return `answered by ${answer.model_version}, not ${version}`;
  for (const [name, expected] of Object.entries(bare)) {
    const data = answer.outputs.find((output) => output.name === name)?.data;
    const close = (value: number, index: number) => Math.abs(value - (data?.[index] ?? NaN)) <= TOLERANCE;
    if (data?.length !== expected.length || !expected.every(close)) {
      return `${name} is ${String(data)}, bare ONNX Runtime says ${String(expected)}`;
    }
  }
  return undefined;
}
