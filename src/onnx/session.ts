import { resolve } from 'node:path';
import { z } from 'zod';
import { EdgeloopError, failure, messageOf } from '../errors.ts';
import type { Frame } from './frames.ts';
import { startHost } from './host-process.ts';
import type { HostProcess } from './host-process.ts';
import { lowerPriority } from './loading-priority.ts';
import { tensorSpecSchema } from './model-signature.ts';
import type { ModelSignature } from './model-signature.ts';
import type { Tensor } from './tensor.ts';

export interface SessionOptions {
  modelFile: string;
  /** As ONNX Runtime's Node binding names them, the preferred one first; by default `['cpu']`. */
  executionProviders?: string[];
  /** Threads that one run may use; by default 1. */
  intraOpThreads?: number;
  /** By default two minutes. */
  loadTimeoutMs?: number;
  /** Lets whatever serves go first while the model loads; has no effect where that could not be undone. */
  lowPriorityWhileLoading?: boolean;
  /** Ends the session host at once, whether it is loading or running. */
  signal?: AbortSignal;
}

export interface SessionInfo {
  /** Inputs and outputs as ONNX Runtime reports them: without inputs that have an initializer. */
  modelSignature: Pick<ModelSignature, 'inputs' | 'outputs'>;
  loadMs: number;
  provider: string;
  runtimeVersion: string;
}

/** One model, loaded in a session host of its own. */
export interface Session {
  readonly pid: number;
  readonly info: SessionInfo;
  /** Number of runs that were sent and not yet answered. */
  readonly inFlight: number;
  /**
   * Computes all outputs, or those named, in that order. Several runs may be under way; they are computed one after the
   * other. The inputs' bytes must not change until the answer is there. Rejects with `session-run-failed` (the session
   * goes on) or `session-died`.
   */
  run(inputs: Tensor[], outputs?: string[]): Promise<Tensor[]>;
  /** Lets runs under way finish, then ends the session host; kills one that does not end. */
  close(): Promise<void>;
  /** Resolves when the session host ends without `close()`; the reason carries its signal and last words. */
  readonly died: Promise<{ reason: string }>;
}

const LOAD_TIMEOUT_MS = 120_000;
/** How long an idle session host may take to end, and one that still computes. */
const CLOSE_MS = { idle: 3_000, busy: 30_000 };

const loadedSchema = z.object({
  inputs: z.array(tensorSpecSchema),
  outputs: z.array(tensorSpecSchema),
  loadMs: z.number(),
  provider: z.string(),
  runtimeVersion: z.string(),
});

/**
 * Starts a session host and loads a model in it. Rejects with `model-load-failed`, carrying what ONNX Runtime said, and
 * then leaves no process behind.
 */
export async function startSession(options: SessionOptions): Promise<Session> {
  const { signal } = options;
  const host = await startHost().catch((error: unknown) => {
    throw loadFailed(options, error);
  });
  const cancel = (): void => host.kill('it was cancelled');
  signal?.addEventListener('abort', cancel, { once: true });
  void host.ended.finally(() => signal?.removeEventListener('abort', cancel));
  if (signal?.aborted === true) cancel();
  try {
    return sessionOf(host, await load(host, options));
  } catch (error) {
    host.kill('its model was not loaded');
    await host.ended;
    throw loadFailed(options, error);
  }
}

async function load(host: HostProcess, options: SessionOptions): Promise<SessionInfo> {
  const limit = options.loadTimeoutMs ?? LOAD_TIMEOUT_MS;
  const timer = setTimeout(() => host.kill(`loading took longer than ${limit} ms`), limit);
  const restorePriority = options.lowPriorityWhileLoading === true ? lowerPriority(host.pid) : undefined;
  const request = {
    modelFile: resolve(options.modelFile),
    executionProviders: options.executionProviders ?? ['cpu'],
    intraOpThreads: options.intraOpThreads ?? 1,
  };
  try {
    const reply = await host.ask('load', request, []);
    restorePriority?.();
    if (reply.kind === 'failed') throw new Error(failureMessage(reply));
    const { inputs, outputs, ...info } = loadedSchema.parse(reply.body);
    return { modelSignature: { inputs, outputs }, ...info };
  } finally {
    clearTimeout(timer);
  }
}

function sessionOf(host: HostProcess, info: SessionInfo): Session {
  let closing: Promise<void> | undefined;
  const { promise: died, resolve: tell } = Promise.withResolvers<{ reason: string }>();
  void host.ended.then((reason) => closing ?? tell({ reason }));
  return {
    pid: host.pid,
    info,
    get inFlight() {
      return host.waiting;
    },
    async run(inputs, outputs) {
      if (closing !== undefined) throw sessionClosed();
      return run(host, inputs, outputs);
    },
    close: () => (closing ??= close(host)),
    died,
  };
}

async function run(host: HostProcess, inputs: Tensor[], outputs: string[] | undefined): Promise<Tensor[]> {
  const reply = await host
    .ask('run', outputs === undefined ? null : { outputs }, inputs)
    .catch((error: unknown) => {
      throw isTooLarge(error) ? runFailed(error.message) : error;
    });
  if (reply.kind === 'failed') throw runFailed(failureMessage(reply));
  return reply.tensors;
}

async function close(host: HostProcess): Promise<void> {
  const limit = host.waiting === 0 ? CLOSE_MS.idle : CLOSE_MS.busy;
  const timer = setTimeout(() => host.kill(`it did not end within ${limit} ms`), limit);
  host.finish();
  await host.ended;
  clearTimeout(timer);
}

const isTooLarge = (error: unknown): error is EdgeloopError =>
  error instanceof EdgeloopError && error.code === 'frame-too-large';

function failureMessage(reply: Frame): string {
  const { body } = reply;
  const message = typeof body === 'object' && body !== null && 'message' in body ? body.message : undefined;
  return typeof message === 'string' ? message : 'the session host gave no reason';
}

function loadFailed(options: SessionOptions, why: unknown): EdgeloopError {
  return failure(
    'model-load-failed',
    `${options.modelFile} was not loaded: ${messageOf(why)}`,
    'Check that the file is a complete ONNX model and that its operators and the execution provider are available.',
  );
}

function runFailed(what: string): EdgeloopError {
  return failure(
    'session-run-failed',
    `the model did not compute: ${what}`,
    'Check the inputs against the model signature: names, data types, shapes, and the same number of rows.',
  );
}

function sessionClosed(): EdgeloopError {
  return failure('session-died', 'the session was closed', 'Start a session again.');
}
