import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { z } from 'zod';

/*
 * Loaded into every process of an agent with `node --import`, before its own code: watches the system calls with which
 * the journal is written, and cuts the power at one of them. The agent knows nothing of it.
 */

/** Where to note every journal write, and at which of them (from 0) the whole process group is killed. */
export const powerCutSchema = z.strictObject({
  notes: z.string(),
  at: z.strictObject({ write: z.int(), moment: z.enum(['before', 'torn', 'after']) }).optional(),
});
export type PowerCut = z.infer<typeof powerCutSchema>;

const JOURNAL = /\/journal\.jsonl$/;
const REPLACEMENT = /\/journal\.jsonl\.new$/;
const order = powerCutSchema.parse(JSON.parse(process.env['POWER_CUT'] ?? ''));
const { appendFileSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } = fs;
const appenders = new Set<number>();
let replacement: number | undefined;
let write = -1;

/** No process of the group does anything after this. */
function cut(): never {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const group = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
  process.kill(-group, 'SIGKILL');
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const isAt = (moment: string) => order.at?.write === write && order.at.moment === moment;

function begin(name: string): void {
  write += 1;
  if (isAt('before')) cut();
  appendFileSync(order.notes, `${name}\n`);
}

/** Half of it reaches the disk. */
function tear(descriptor: number, bytes: Buffer): void {
  writeSync(descriptor, bytes, 0, Math.floor(bytes.length / 2));
  fsyncSync(descriptor);
  cut();
}

function nameOf(line: string): string {
  const { record } = JSON.parse(line);
  return record.type === 'document' ? `document ${record.sequence}` : `${record.version} ${record.state}`;
}

Object.assign(fs, {
  openSync(path: string, flags: string, mode?: number): number {
    if (REPLACEMENT.test(path)) begin('snapshot');
    const descriptor = openSync(path, flags, mode);
    appenders.delete(descriptor);
    if (REPLACEMENT.test(path)) replacement = descriptor;
    else if (JOURNAL.test(path) && flags === 'a') appenders.add(descriptor);
    return descriptor;
  },
  writeFileSync(target: number | string, text: string, options?: fs.WriteFileOptions): void {
    if (target === replacement && isAt('torn')) tear(replacement, Buffer.from(text));
    writeFileSync(target, text, options);
  },
  renameSync(from: string, to: string): void {
    renameSync(from, to);
    if (!JOURNAL.test(to)) return;
    replacement = undefined;
    if (isAt('after')) cut();
  },
  writeSync(descriptor: number, bytes: Buffer, offset?: number): number {
    if (!appenders.has(descriptor)) return writeSync(descriptor, bytes, offset);
    begin(nameOf(bytes.toString()));
    if (isAt('torn')) tear(descriptor, bytes);
    return writeSync(descriptor, bytes, offset);
  },
  fsyncSync(descriptor: number): void {
    fsyncSync(descriptor);
    if (appenders.has(descriptor) && isAt('after')) cut();
  },
});
syncBuiltinESMExports();
