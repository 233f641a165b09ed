import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Shape } from './faults.ts';

// So often a slow body moves, in milliseconds.
const STEP_MS = 20;

/** Where a body goes, and what is to be known about its way. */
export interface Way {
  /** Resolves when the bytes have left this process. */
  send(bytes: Uint8Array): Promise<void>;
  count(bytes: number): void;
  /** Called when a fault has had its effect. */
  hit(fault: Fault['fault']): void;
  /** Aborted when nobody waits for the body any more. */
  gone: AbortSignal;
}

/** Sends a body on chunk by chunk, as its shape says; resolves with true when it has reached the shape's limit. */
export async function passBytes(body: AsyncIterable<Buffer>, shape: Shape, way: Way): Promise<boolean> {
  let passed = 0;
  const started = performance.now();
  // Before the first chunk is waited for: it may never come.
  if (shape.limit <= 0) return true;
  for await (const chunk of body) {
    for (const piece of piecesOf(chunk.subarray(0, shape.limit - passed), shape)) {
      if (shape.bytesPerSecond < Infinity) {
        way.hit('slow');
        const due = started + ((passed + piece.length) / shape.bytesPerSecond) * 1000;
        await sleep(Math.max(0, due - performance.now()), undefined, { signal: way.gone });
      }
      await way.send(flipped(piece, passed, shape, way));
      passed += piece.length;
      way.count(piece.length);
    }
    if (passed >= shape.limit) return true;
  }
  return false;
}

/** Zeros until nobody takes them any more. */
export async function passZeros(way: Way): Promise<void> {
  way.hit('endless');
  const zeros = Buffer.alloc(64 * 1024);
  while (!way.gone.aborted) {
    await way.send(zeros);
    way.count(zeros.length);
  }
}

function* piecesOf(chunk: Buffer, shape: Shape): Generator<Buffer> {
  const longest = Math.max(1, Math.floor((shape.bytesPerSecond * STEP_MS) / 1000));
  for (let at = 0; at < chunk.length; at += longest) yield chunk.subarray(at, at + longest);
}

function flipped(piece: Buffer, passed: number, shape: Shape, way: Way): Buffer {
  const at = (shape.flipAt ?? -1) - passed;
  if (at < 0 || at >= piece.length) return piece;
  way.hit('flip-bit');
  const copy = Buffer.from(piece);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
