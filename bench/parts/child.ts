import { type ChildProcess, spawn } from 'node:child_process';
import { z } from 'zod';

/** A process of the benchmark's own that answers messages. It ends with the one that started it. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** Sends a message; resolves with its answer, rejects with the child's error or when it ends. */
  ask<Schema extends z.ZodType>(schema: Schema, message: object): Promise<z.output<Schema>>;
}

const replySchema = z.union([
  z.object({ id: z.int(), answer: z.unknown() }),
  z.object({ id: z.int(), error: z.string() }),
]);

/** Runs `node ARGS` with an IPC channel. */
export async function startChild(args: readonly string[], cwd: string): Promise<Child> {
  const child = spawn(process.execPath, [...args], {
    cwd,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.once('exit', () => {
    for (const { reject } of waiting.values())
      reject(new Error(`a process of the benchmark ended: ${args[0]}`));
    waiting.clear();
  });
  child.on('message', (raw) => {
    const reply = replySchema.parse(raw);
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('error' in reply) asked?.reject(new Error(reply.error));
    else asked?.resolve(reply.answer);
  });
  let lastId = 0;
  return {
    pid: await started(child),
    async ask(schema, message) {
      lastId += 1;
      const asked = Promise.withResolvers<unknown>();
      waiting.set(lastId, asked);
      child.send({ id: lastId, message });
      return schema.parse(await asked.promise);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function started(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid ?? 0));
  });
}
