/*
 * The peer of the agent: a process that does nothing but run a model through onnxruntime-node, with the same session
 * options as a session host. Its inputs are made once, before it is measured.
 */
import * as ort from 'onnxruntime-node';
import { createHistogram } from 'node:perf_hooks';
import { answerParent } from './answer-parent.ts';

interface Input {
  name: string;
  datatype: string;
  shape: number[];
  data: (string | number)[];
}
type Message =
  | { kind: 'load'; modelFile: string; bodies: string[] }
  | { kind: 'outputs' }
  | { kind: 'run'; seconds: number };

interface Loaded {
  session: ort.InferenceSession;
  rows: Record<string, ort.Tensor>[];
}

async function load({ modelFile, bodies }: { modelFile: string; bodies: string[] }): Promise<Loaded> {
  const session = await ort.InferenceSession.create(modelFile, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  const rows = bodies.map((body) => {
    const { inputs } = JSON.parse(body) as { inputs: Input[] };
    return Object.fromEntries(inputs.map((input) => [input.name, tensorOf(input)]));
  });
  return { session, rows };
}

function tensorOf({ datatype, data, shape }: Input): ort.Tensor {
  if (datatype === 'BYTES') return new ort.Tensor('string', data.map(String), shape);
  return new ort.Tensor('float32', Float32Array.from(data, Number), shape);
}

/** Every output of every row, as numbers. */
async function outputs({ session, rows }: Loaded): Promise<Record<string, number[]>[]> {
  const all: Record<string, number[]>[] = [];
  for (const row of rows) {
    const found = await session.run(row);
    all.push(
      Object.fromEntries(
        Object.entries(found).map(([name, { data }]) => [
          name,
          Array.from(data as ArrayLike<unknown>, Number),
        ]),
      ),
    );
  }
  return all;
}

async function run({ session, rows }: Loaded, seconds: number): Promise<object> {
  const latency = createHistogram();
  const cpuBefore = process.cpuUsage();
  const began = performance.now();
  let runs = 0;
  for (let now = began; now - began < seconds * 1000; runs += 1) {
    await session.run(rows[runs % rows.length] ?? {});
    const after = performance.now();
    latency.record(Math.max(1, Math.round((after - now) * 1e6)));
    now = after;
  }
  const elapsed = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    runs,
    seconds: elapsed,
    cpuSeconds: (user + system) / 1e6,
    p50Ms: latency.percentile(50) / 1e6,
    p99Ms: latency.percentile(99) / 1e6,
  };
}

function serve(): void {
  let loaded: Promise<Loaded> | undefined;
  answerParent(async (message) => {
    const asked = message as Message;
    if (asked.kind === 'load') {
      loaded = load(asked);
      await loaded;
      return undefined;
    }
    if (loaded === undefined) throw new Error('nothing is loaded');
    return asked.kind === 'outputs' ? outputs(await loaded) : run(await loaded, asked.seconds);
  });
}

serve();
