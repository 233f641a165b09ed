import { EdgeloopError } from '../../src/errors.ts';
import { elements, type Tensor } from '../../src/onnx/index.ts';
import type { HeldVersion } from '../slots/held-version.ts';
import type { Slot } from '../slots/slot.ts';
import { checkRequest } from './check-inputs.ts';
import {
  clientGone,
  deadlineExceeded,
  killsSessionHost,
  modelNotReady,
  outputNaN,
  queueFull,
  versionUnknown,
} from './request-failure.ts';

export interface Limits {
  /** Requests that may wait per model. */
  waiting: number;
  /** From arrival to answer, milliseconds. */
  deadlineMs: number;
  /** How often one request may be run, when session hosts die while they run it. */
  attempts: number;
}

/** 1,024 waiting: a stall of a quarter of a second at some thousand requests a second is waited out, not refused. */
export const DEFAULT_LIMITS: Limits = { waiting: 1024, deadlineMs: 10_000, attempts: 3 };

export interface InferenceRequest {
  /** Undefined: whichever version is current when its turn comes. */
  version?: string;
  inputs: Tensor[];
  outputs?: string[];
}

export interface InferenceAnswer {
  version: string;
  outputs: Tensor[];
}

export interface Queue {
  /** Rejects with a coded error; `signal` drops a request that nobody waits for any more. */
  submit(request: InferenceRequest, signal: AbortSignal): Promise<InferenceAnswer>;
  waiting(): number;
  /** To be called whenever a host may have become free. */
  pump(): void;
}

interface Entry {
  request: InferenceRequest;
  attempts: number;
  running?: HeldVersion;
  settled: boolean;
  settle(outcome: InferenceAnswer | Error): void;
}

/** A model's bounded queue: a request is bound to a version when it leaves it, and comes back when its host dies. */
export function createQueue(slot: Slot, limits: Limits = DEFAULT_LIMITS): Queue {
  const entries: Entry[] = [];

  const remove = (entry: Entry) => {
    const index = entries.indexOf(entry);
    if (index !== -1) entries.splice(index, 1);
  };

  const pump = () => {
    let unboundWait = false;
    for (let index = 0; index < entries.length;) {
      const entry = entries[index];
      const pinned = entry?.request.version !== undefined;
      // A request that asks for one version must not hold up those that take any, and the other way round.
      const chosen =
        entry === undefined || (unboundWait && !pinned) ? 'wait' : slot.choose(entry.request.version);
      if (entry === undefined || chosen === 'wait') {
        unboundWait ||= !pinned;
        index += 1;
        continue;
      }
      entries.splice(index, 1);
      if (chosen === 'unknown-version') entry.settle(versionUnknown(slot.model, entry.request.version ?? ''));
      else void dispatch(entry, chosen);
    }
  };

  const dispatch = async (entry: Entry, held: HeldVersion) => {
    try {
      checkRequest(held.spec.signature, entry.request);
      entry.running = held;
      entry.attempts += 1;
      const outputs = await held.run(entry.request.inputs, entry.request.outputs);
      const bad = outputs.find(holdsNaN);
      if (bad !== undefined) held.fault(`output "${bad.name}" held NaN`);
      entry.settle(bad === undefined ? { version: held.spec.version, outputs } : outputNaN(bad.name));
    } catch (error) {
      const died = error instanceof EdgeloopError && error.code === 'session-died';
      if (!died) entry.settle(error instanceof Error ? error : new Error(String(error)));
      else if (entry.attempts >= limits.attempts) entry.settle(killsSessionHost(slot.model, entry.attempts));
      else if (!entry.settled) entries.unshift(entry);
    } finally {
      delete entry.running;
      pump();
    }
  };

  return {
    pump,
    waiting: () => entries.length,
    submit(request, signal) {
      if (signal.aborted) throw clientGone();
      if (request.version !== undefined && slot.find(request.version) === undefined) {
        throw versionUnknown(slot.model, request.version);
      }
      if (slot.find() === undefined) throw modelNotReady(slot.model);
      if (entries.length >= limits.waiting) throw queueFull(slot.model, limits.waiting);
      return new Promise((resolve, reject) => {
        const entry: Entry = {
          request,
          attempts: 0,
          settled: false,
          settle(outcome) {
            if (entry.settled) return;
            entry.settled = true;
            clearTimeout(deadline);
            signal.removeEventListener('abort', dropped);
            if (outcome instanceof Error) reject(outcome);
            else resolve(outcome);
          },
        };
        const giveUp = () => {
          remove(entry);
          if (entry.running !== undefined) killWhenStuck(entry, entry.running, 2 * limits.deadlineMs);
          entry.settle(deadlineExceeded(slot.model, limits.deadlineMs));
        };
        const dropped = () => {
          remove(entry);
          entry.settle(clientGone());
        };
        const deadline = setTimeout(giveUp, limits.deadlineMs);
        signal.addEventListener('abort', dropped, { once: true });
        entries.push(entry);
        pump();
      });
    },
  };
}

/** A run cannot be cancelled: a host that computes for ever is ended, or its two places would never be free again. */
function killWhenStuck(entry: Entry, held: HeldVersion, afterMs: number): void {
  setTimeout(() => {
    if (entry.running === held) held.kill();
  }, afterMs).unref();
}

function holdsNaN(tensor: Tensor): boolean {
  if (!tensor.dataType.startsWith('FP')) return false;
  for (const value of elements(tensor)) if (Number.isNaN(value)) return true;
  return false;
}
