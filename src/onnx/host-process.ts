import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { failure, messageOf } from '../errors.ts';
import type { EdgeloopError } from '../errors.ts';
import { encodeFrame, frameDecoder } from './frames.ts';
import type { Frame, FrameKind } from './frames.ts';
import type { Tensor } from './tensor.ts';

/** A session host's process and the connection to it. */
export interface HostProcess {
  readonly pid: number;
  /** Requests that were sent and not yet answered. */
  readonly waiting: number;
  /** Sends a frame and resolves with its answer. Rejects with `session-died` when the process ends before. */
  ask(kind: FrameKind, body: unknown, tensors: Tensor[]): Promise<Frame>;
  /** Asks the process to end after everything that it was sent before. */
  finish(): void;
  /** Ends it at once; `why` becomes the reason. */
  kill(why: string): void;
  /** Resolves with the reason when the process is gone and all its answers were delivered. */
  readonly ended: Promise<string>;
}

interface Pending {
  resolve(frame: Frame): void;
  reject(error: Error): void;
}

/** Enough for the last words of a crash, too little for a chatty model to fill the memory. */
const STDERR_CHARACTERS = 4096;

/** Starts a session host that has nothing loaded yet. */
export async function startHost(): Promise<HostProcess> {
  const entry = import.meta.url.endsWith('.ts') ? './session-host.ts' : './session-host.js';
  const child = spawn(process.execPath, [fileURLToPath(new URL(entry, import.meta.url))], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    // What steers the parent, a debugger's port for example, is not meant for its children.
    // ONNX Runtime 1.30 collects telemetry on its own account: a database below the home folder and a log per process
    // in /tmp, which would fill a device's disk.
    env: { ...process.env, NODE_OPTIONS: undefined, ORT_DISABLE_TELEMETRY: '1' },
  });
  await once(child, 'spawn');
  const [socket, pid] = [child.stdio[3], child.pid];
  if (!(socket instanceof Socket) || pid === undefined) throw new Error('the session host has no connection');
  return connect(child, pid, socket);
}

function connect(child: ChildProcess, pid: number, socket: Socket): HostProcess {
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let killedFor: string | undefined;
  let over: string | undefined;
  const kill = (why: string): void => {
    killedFor ??= why;
    child.kill('SIGKILL');
  };
  receive(socket, pending, kill);
  const words = lastWords(child);
  // A signal that cannot be delivered is no end; what counts is that the process and its streams are gone.
  child.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  const ended = closed.then(() => {
    over = killedFor ?? `its process ${howItEnded(child)}${words()}`;
    for (const { reject } of pending.values()) reject(sessionDied(over));
    pending.clear();
    return over;
  });
  return {
    pid,
    get waiting() {
      return pending.size;
    },
    async ask(kind, body, tensors) {
      if (over !== undefined) throw sessionDied(over);
      lastId = (lastId + 1) >>> 0;
      const id = lastId;
      const chunks = encodeFrame({ kind, id, body, tensors });
      const { promise, resolve, reject } = Promise.withResolvers<Frame>();
      pending.set(id, { resolve, reject });
      write(socket, chunks);
      return promise;
    },
    finish: () => write(socket, encodeFrame({ kind: 'close', id: 0, body: null, tensors: [] })),
    kill,
    ended,
  };
}

function receive(socket: Socket, pending: Map<number, Pending>, kill: (why: string) => void): void {
  const decoder = frameDecoder();
  socket.on('data', (chunk) => {
    try {
      for (const frame of decoder.push(chunk)) {
        pending.get(frame.id)?.resolve(frame);
        pending.delete(frame.id);
      }
    } catch (error) {
      kill(messageOf(error));
    }
  });
  // A broken connection is the sign of a process that ends, which is what `ended` tells.
  socket.on('error', () => undefined);
}

function write(socket: Socket, chunks: Uint8Array[]): void {
  if (socket.destroyed) return;
  socket.cork();
  for (const chunk of chunks) socket.write(chunk);
  socket.uncork();
}

function lastWords(child: ChildProcess): () => string {
  let tail = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-STDERR_CHARACTERS);
  });
  return () => (tail.trim() === '' ? '' : `: ${tail.trim()}`);
}

const howItEnded = (child: ChildProcess): string =>
  child.signalCode === null ? `ended with exit code ${child.exitCode}` : `was ended by ${child.signalCode}`;

function sessionDied(reason: string): EdgeloopError {
  return failure('session-died', `the session host is gone: ${reason}`, 'Start the session again.');
}
