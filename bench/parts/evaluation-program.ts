import { resolve } from 'node:path';
import type { z } from 'zod';
import type { Run } from './benchmark.ts';
import { ROOT } from './program.ts';

/** Runs a program of bench/parts and reads the line of JSON that it prints. */
export async function ask<Schema extends z.ZodType>(
  run: Run,
  schema: Schema,
  [program = '', ...args]: readonly string[],
  interpreter = process.execPath,
): Promise<z.output<Schema>> {
  const file = resolve(import.meta.dirname, program);
  return schema.parse(JSON.parse(await run.processes.run(interpreter, [file, ...args], { cwd: ROOT })));
}
