/*
 * The session host: a child process that holds one model's ONNX Runtime session and speaks frames on file descriptor 3.
 * It is a process of its own because ONNX Runtime's Node binding loads and runs synchronously, and can end its process.
 */
import { Socket } from 'node:net';
import type * as ort from 'onnxruntime-node';
import { messageOf } from '../errors.ts';
import { findRuntime } from './find-runtime.ts';
import { encodeFrame, frameDecoder } from './frames.ts';
import type { Frame } from './frames.ts';
import { fromOrtTensor, specOf, toOrtTensor } from './ort-tensor.ts';
import type { Tensor } from './tensor.ts';

interface LoadRequest {
  modelFile: string;
  executionProviders: string[];
  intraOpThreads: number;
}

type Runtime = typeof ort;

interface Loaded {
  runtime: Runtime;
  session: ort.InferenceSession;
}

/** Answers one frame; nothing that a request does can end the process. */
async function answer(
  frame: Frame,
  state: { loaded?: Loaded },
): Promise<Pick<Frame, 'kind' | 'body' | 'tensors'>> {
  try {
    if (frame.kind === 'load') {
      const { loaded, report } = await load(loadRequest(frame.body));
      state.loaded = loaded;
      return { kind: 'loaded', body: report, tensors: [] };
    }
    if (frame.kind !== 'run' || state.loaded === undefined)
      throw new Error(`a "${frame.kind}" frame is out of turn`);
    return { kind: 'answer', body: null, tensors: await run(state.loaded, frame) };
  } catch (error) {
    return { kind: 'failed', body: { message: messageOf(error) }, tensors: [] };
  }
}

async function load(request: LoadRequest): Promise<{ loaded: Loaded; report: object }> {
  // The runtime hands half floats to its native part as a Float16Array where there is one, which that part (1.30) reads
  // as empty; without one it uses their bits in a Uint16Array.
  Reflect.deleteProperty(globalThis, 'Float16Array');
  // Only now, so that the process is there, and can be lowered in priority, before the work begins.
  const runtime: Runtime = findRuntime()('onnxruntime-node');
  const started = performance.now();
  const session = await runtime.InferenceSession.create(request.modelFile, {
    executionProviders: request.executionProviders,
    intraOpNumThreads: request.intraOpThreads,
    interOpNumThreads: 1,
    // A thread that spins between two requests takes the processor from the gateway.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  const report = {
    inputs: session.inputMetadata.map(specOf),
    outputs: session.outputMetadata.map(specOf),
    loadMs: performance.now() - started,
    provider: request.executionProviders[0] ?? 'cpu',
    runtimeVersion: runtime.env.versions.node ?? runtime.env.versions.common,
  };
  return { loaded: { runtime, session }, report };
}

async function run({ runtime, session }: Loaded, frame: Frame): Promise<Tensor[]> {
  const feeds: Record<string, ort.Tensor> = {};
  for (const tensor of frame.tensors) {
    // ONNX Runtime would ignore it, and answer as if it had not been sent.
    if (!session.inputNames.includes(tensor.name))
      throw new Error(`the model takes no input "${tensor.name}"`);
    feeds[tensor.name] = toOrtTensor(runtime.Tensor, tensor);
  }
  const names = outputNames(frame.body) ?? session.outputNames;
  const results = await session.run(feeds, names);
  return names.map((name) => {
    const value = results[name];
    if (value === undefined) throw new Error(`output "${name}" was not computed`);
    return fromOrtTensor(name, value);
  });
}

const isText = (value: unknown): value is string => typeof value === 'string';

function loadRequest(body: unknown): LoadRequest {
  if (typeof body === 'object' && body !== null && 'modelFile' in body && isText(body.modelFile)) {
    if ('executionProviders' in body && Array.isArray(body.executionProviders)) {
      if ('intraOpThreads' in body && typeof body.intraOpThreads === 'number') {
        const { modelFile, executionProviders, intraOpThreads } = body;
        return { modelFile, executionProviders: executionProviders.filter(isText), intraOpThreads };
      }
    }
  }
  throw new Error('the load frame is incomplete');
}

function outputNames(body: unknown): string[] | undefined {
  if (typeof body !== 'object' || body === null || !('outputs' in body)) return undefined;
  return Array.isArray(body.outputs) ? body.outputs.filter(isText) : undefined;
}

function send(socket: Socket, frame: Frame): void {
  socket.cork();
  for (const chunk of encodeFrame(frame)) socket.write(chunk);
  socket.uncork();
}

async function respond(socket: Socket, frame: Frame, state: { loaded?: Loaded }): Promise<void> {
  if (frame.kind === 'close') {
    socket.end(() => process.exit(0));
    return;
  }
  const { id } = frame;
  const reply = await answer(frame, state);
  try {
    send(socket, { ...reply, id });
  } catch (error) {
    send(socket, { kind: 'failed', id, body: { message: messageOf(error) }, tensors: [] });
  }
}

function serve(socket: Socket): void {
  const decoder = frameDecoder();
  const state: { loaded?: Loaded } = {};
  let turn = Promise.resolve();
  socket.on('data', (chunk) => {
    for (const frame of decoder.push(chunk)) turn = turn.then(() => respond(socket, frame, state));
  });
  // Whatever ends the connection, also a parent that was killed, ends this process: no orphan is left.
  socket.on('error', () => process.exit(1));
  socket.on('close', () => process.exit(0));
}

// A terminal's Ctrl-C and a service manager's stop reach the whole process group; when to end is the parent's decision.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
serve(new Socket({ fd: 3, readable: true, writable: true }));
