import { readFile } from 'node:fs/promises';
import { isSystemError } from '../errors.ts';
import {
  elementCount,
  elements,
  type ModelSignature,
  parseGolden,
  type Session,
  signatureDifferences,
  startSession,
  stringTensor,
  type Tensor,
} from '../onnx/index.ts';
import type { Latency } from './gate/record.ts';
import { seededRandom } from './random.ts';

/** A model that is loaded, and rows that it takes. */
export interface Timed {
  session: Pick<Session, 'run'>;
  /** Its golden samples' inputs: up to eight rows. */
  inputs: readonly Tensor[];
}

export interface LatencyArgs {
  candidate: Timed;
  /** Absent without a champion. */
  champion?: Timed | undefined;
  /** The machine's name, where it has one. */
  runner: string | null;
  signal?: AbortSignal | undefined;
}

const WARM_UP_RUNS = 20;
const MOST_RUNS = 1000;
const LEAST_RUNS = 20;
/** For a slow model fewer runs have to do. */
const LONGEST_MS = 3000;
const RESAMPLES = 500;
const LEVEL = 0.95;
/** Runs that follow each other share the machine's mood, so they are drawn together (moving blocks, Kuensch 1989). */
const BLOCK = 20;

/** A model file, and the golden samples that it is timed with. */
export interface TimedModel {
  modelFile: string;
  goldenFile?: string;
  modelSignature: ModelSignature;
}

/**
 * The same for model files, each in a session host of its own; both get the candidate's rows unless the champion takes
 * other inputs. `null` for a candidate without golden samples: nothing is known that it takes.
 */
export async function timeModels(
  candidate: TimedModel,
  champion: TimedModel | null,
  { runner, signal }: Pick<LatencyArgs, 'runner' | 'signal'>,
): Promise<Latency | null> {
  const inputs = await goldenInputs(candidate);
  if (inputs === undefined) return null;
  const sameInputs =
    champion !== null && signatureDifferences(champion.modelSignature, candidate.modelSignature).length === 0;
  const championInputs = champion === null ? undefined : sameInputs ? inputs : await goldenInputs(champion);
  const models = [{ model: candidate, inputs }];
  if (champion !== null && championInputs !== undefined) {
    models.push({ model: champion, inputs: championInputs });
  }
  const timed: (Timed & { session: Session })[] = [];
  try {
    for (const { model, inputs: rows } of models) {
      const session = await startSession({ modelFile: model.modelFile, ...(signal && { signal }) });
      timed.push({ session, inputs: rows });
    }
    const [first, second] = timed;
    return first === undefined
      ? null
      : await measureLatency({ candidate: first, champion: second, runner, signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    await Promise.all(timed.map(({ session }) => session.close()));
  }
}

async function goldenInputs({ goldenFile }: TimedModel): Promise<Tensor[] | undefined> {
  if (goldenFile === undefined) return undefined;
  try {
    return parseGolden(await readFile(goldenFile)).inputs;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * Times candidate and champion in turn, one row at a time, in the same run on the same machine: p50 and p95 of each,
 * milliseconds, and the ratio of the p95 with its bootstrap interval (percentile, blocks of 20 consecutive runs).
 */
export async function measureLatency(args: LatencyArgs): Promise<Latency> {
  const { champion, runner } = args;
  const times = await timeInTurn(args);
  return {
    runs: times.candidate.length,
    candidate: quantiles(times.candidate),
    champion: champion === undefined ? null : quantiles(times.champion),
    ratio: champion === undefined ? null : ratioOf(times.candidate, times.champion),
    runner,
  };
}

async function timeInTurn({
  candidate,
  champion,
  signal,
}: LatencyArgs): Promise<{ candidate: Float64Array; champion: Float64Array }> {
  const timed = champion === undefined ? [candidate] : [candidate, champion];
  const rows = timed.map(({ inputs }) => oneRowEach(inputs));
  const times: number[][] = timed.map(() => []);
  const started = performance.now();
  for (let run = -WARM_UP_RUNS; run < MOST_RUNS; run++) {
    signal?.throwIfAborted();
    const late = performance.now() - started > LONGEST_MS;
    if (late && run >= LEAST_RUNS) break;
    if (late && run < 0) run = 0;
    // Who comes first in a pair changes, so that neither always finds the caches warm.
    const order = run % 2 === 0 ? timed.keys() : [...timed.keys()].toReversed();
    for (const index of order) {
      const inputs = rows[index]?.at(run % (rows[index]?.length ?? 1)) ?? [];
      const before = performance.now();
      await timed[index]?.session.run([...inputs]);
      if (run >= 0) times[index]?.push(performance.now() - before);
    }
  }
  return { candidate: Float64Array.from(times[0] ?? []), champion: Float64Array.from(times[1] ?? []) };
}

/** The rows of a batch as batches of one; the batch itself when its first dimension is not the same everywhere. */
export function oneRowEach(inputs: readonly Tensor[]): Tensor[][] {
  const count = inputs[0]?.shape[0] ?? 1;
  if (count < 2 || inputs.some(({ shape }) => shape[0] !== count)) return [[...inputs]];
  return Array.from({ length: count }, (_, row) => inputs.map((input) => rowOf(input, row, count)));
}

function rowOf(tensor: Tensor, row: number, rows: number): Tensor {
  const { name, dataType, data } = tensor;
  const shape = [1, ...tensor.shape.slice(1)];
  const values = elements(tensor);
  if (dataType === 'BYTES' || Array.isArray(values)) {
    const size = elementCount(shape);
    const texts = Array.from(values, String).slice(row * size, (row + 1) * size);
    return stringTensor(name, shape, texts);
  }
  const size = data.byteLength / rows;
  return { name, dataType, shape, data: data.slice(row * size, (row + 1) * size) };
}

function quantiles(values: Float64Array): Latency['candidate'] {
  return { p50Ms: quantile(values, 0.5), p95Ms: quantile(values, 0.95) };
}

/** Nearest rank. */
function quantile(values: Float64Array, share: number): number {
  const sorted = values.toSorted();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

function ratioOf(candidate: Float64Array, champion: Float64Array): NonNullable<Latency['ratio']> {
  const ratio = (rows: Uint32Array | undefined) => {
    const of = (values: Float64Array) =>
      quantile(rows === undefined ? values : Float64Array.from(rows, (row) => values[row] ?? 0), 0.95);
    return of(candidate) / of(champion);
  };
  const random = seededRandom(0);
  const ratios = Float64Array.from({ length: RESAMPLES }, () =>
    ratio(drawBlocks(candidate.length, random)),
  ).toSorted();
  const tail = Math.floor(((RESAMPLES + 1) * (1 - LEVEL)) / 2);
  return {
    value: ratio(undefined),
    lower: ratios[tail - 1] ?? Number.NaN,
    upper: ratios[RESAMPLES - tail] ?? Number.NaN,
    level: LEVEL,
  };
}

function drawBlocks(runs: number, random: ReturnType<typeof seededRandom>): Uint32Array {
  const block = Math.min(BLOCK, runs);
  const starts = new Uint32Array(Math.ceil(runs / block));
  random(starts);
  return Uint32Array.from({ length: runs }, (_, index) => {
    const start = Math.floor(((starts[Math.floor(index / block)] ?? 0) / 2 ** 32) * (runs - block + 1));
    return start + (index % block);
  });
}
