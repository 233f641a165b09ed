import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { failure } from '../errors.ts';

/** Artifact type of the log in a registry: UTF-8 text, a referrer of the candidate's ModelPack manifest. */
export const TRAINING_LOG_ARTIFACT_TYPE = 'application/vnd.edgeloop.training-log.v1+text';

/** Most bytes that a log file ever has. */
const LOG_LIMIT = 16_000_000;
/** What stays of the beginning and of the end when the middle has to go. */
const KEPT_BYTES = LOG_LIMIT / 4;
/** Most characters of one line. */
const LINE_LIMIT = 64 * 1024;

export interface TrainingLog {
  write(line: string): void;
  /** Returns what went wrong with the file, if anything did: a training does not end for that. */
  close(): unknown;
}

/**
 * A log file of at most 16 MB that holds every line as soon as it was printed. What does not fit goes from its middle,
 * and one line in its place says how much that was. Replaces an earlier file; throws `training-log-unwritable`.
 */
export function openTrainingLog(path: string): TrainingLog {
  const file = open(path);
  let size = 0;
  let gap: Gap | undefined;
  let problem: unknown;
  let closed = false;
  return {
    write(line) {
      if (closed || problem !== undefined) return;
      const bytes = Buffer.from(`${cut(line)}\n`);
      try {
        if (size + bytes.byteLength > LOG_LIMIT) ({ size, gap } = removeMiddle(file, size, gap));
        writeSync(file, bytes, 0, bytes.byteLength, size);
        size += bytes.byteLength;
      } catch (error) {
        problem = error;
      }
    },
    close() {
      closed = true;
      closeSync(file);
      return problem;
    },
  };
}

function open(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'w+');
  } catch (error) {
    throw failure(
      'training-log-unwritable',
      `the training's log ${path} cannot be written`,
      'Check who may write there, and whether the disk is full.',
      { cause: error },
    );
  }
}

function cut(line: string): string {
  if (line.length <= LINE_LIMIT) return line;
  return `${line.slice(0, LINE_LIMIT)} [edgeloop: ${line.length - LINE_LIMIT} characters of this line left out]`;
}

/** What is missing in the middle, and where the line stands that says so. */
interface Gap {
  start: number;
  end: number;
  lines: number;
  bytes: number;
}

const NEWLINE = 10;

/** Keeps whole lines of the beginning and of the end, and writes between them how much is missing. */
function removeMiddle(file: number, size: number, before: Gap | undefined): { size: number; gap: Gap } {
  const text = Buffer.alloc(size);
  readSync(file, text, 0, size, 0);
  const start = before?.start ?? text.lastIndexOf(NEWLINE, KEPT_BYTES) + 1;
  const tail = text.subarray(text.indexOf(NEWLINE, size - KEPT_BYTES) + 1);
  const removed = text.subarray(before?.end ?? start, size - tail.byteLength);
  const lines = (before?.lines ?? 0) + removed.reduce((sum, byte) => sum + (byte === NEWLINE ? 1 : 0), 0);
  const bytes = (before?.bytes ?? 0) + removed.byteLength;
  const notice = Buffer.from(`[edgeloop: ${lines} lines (${bytes} bytes) left out here]\n`);
  const rest = Buffer.concat([notice, tail]);
  writeSync(file, rest, 0, rest.byteLength, start);
  ftruncateSync(file, start + rest.byteLength);
  return { size: start + rest.byteLength, gap: { start, end: start + notice.byteLength, lines, bytes } };
}
