import { setPriority } from 'node:os';
import { resolve } from 'node:path';
import { build } from 'rolldown';
import { z } from 'zod';
import { type Child, startChild } from './child.ts';
import { ROOT } from './program.ts';

const runSchema = z.object({
  runs: z.int(),
  seconds: z.number(),
  cpuSeconds: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
});

/** Bare onnxruntime-node with one model in a process of its own. */
export interface Bare extends AsyncDisposable {
  readonly pid: number;
  /** For each row all outputs by name. */
  outputs(): Promise<Record<string, number[]>[]>;
  /** Runs the rows in turn as fast as it can. */
  run(seconds: number): Promise<z.infer<typeof runSchema>>;
}

export interface BareOptions {
  modelFile: string;
  /** Rows as Open Inference Protocol requests (FP32 and BYTES). */
  bodies: readonly string[];
  /** Nice value from its start on. */
  nice?: number;
}

/** Loads a model in a process of its own that was made with `bareProgram`. */
export async function startBare(program: string, { modelFile, bodies, nice }: BareOptions): Promise<Bare> {
  const child: Child = await startChild(['--input-type=module', '--eval', program], ROOT);
  if (nice !== undefined) setPriority(child.pid, nice);
  await child.ask(z.unknown(), { kind: 'load', modelFile, bodies });
  return {
    pid: child.pid,
    outputs: () => child.ask(z.array(z.record(z.string(), z.array(z.number()))), { kind: 'outputs' }),
    run: (seconds) => child.ask(runSchema, { kind: 'run', seconds }),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** Its program as JavaScript: a process that reads TypeScript needs 17 MB for that alone, and its memory is compared. */
export async function bareProgram(): Promise<string> {
  const { output } = await build({
    input: resolve(import.meta.dirname, 'bare-process.ts'),
    platform: 'node',
    external: ['onnxruntime-node'],
    write: false,
  });
  return output[0].code;
}
