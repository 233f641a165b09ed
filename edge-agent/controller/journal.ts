import { createHash } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { failure, isSystemError, messageOf } from '../../src/errors.ts';
import { applyRecord, type DeviceState, type JournalRecord, recordSchema, replay } from './device-state.ts';

/** The agent's durable record: every state is on the disk before the effect that follows it. */
export interface Journal {
  state(): DeviceState;
  /** Appends one record and returns when it is on the disk. Throws `journal-not-writable`. */
  append(record: JournalRecord): void;
  close(): void;
}

export interface JournalReading {
  records: JournalRecord[];
  /** Line number (from 1) of the first damaged line that is not the torn end of the file. */
  damagedLine?: number;
}

const PREFIX = '{"sum":"';
const MIDDLE = '","record":';

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** One journal line: JSON `{"sum","record"}`, where sum is the first 16 hex digits of sha256 over the record's text. */
export function encodeLine(record: JournalRecord): string {
  const text = JSON.stringify(record);
  return `${PREFIX}${checksum(text)}${MIDDLE}${text}}\n`;
}

function decodeLine(line: string): JournalRecord | undefined {
  const start = PREFIX.length + 16 + MIDDLE.length;
  const text = line.slice(start, -1);
  if (line !== `${PREFIX}${checksum(text)}${MIDDLE}${text}}`) return undefined;
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * Reads the longest undamaged prefix of a journal. A damaged last line is what a power cut leaves of an append that
 * was never acknowledged, so nothing was built on it; damage before it is reported.
 */
export function readJournal(text: string): JournalReading {
  const lines = text.split('\n');
  const records: JournalRecord[] = [];
  for (const [index, line] of lines.entries()) {
    const torn = index === lines.length - 1;
    if (line === '' && torn) break;
    const record = torn ? undefined : decodeLine(line);
    if (record !== undefined) {
      records.push(record);
      continue;
    }
    const last = torn || lines.slice(index + 1).every((rest) => rest === '');
    return last ? { records } : { records, damagedLine: index + 1 };
  }
  return { records };
}

/** Records after which the journal is compacted, so that it stays small in an agent that runs for years. */
const COMPACT_AFTER = 1000;

function snapshotLine(device: DeviceState, now: Date): string {
  return encodeLine({ type: 'snapshot', at: now.toISOString(), models: device });
}

function notWritable(file: string, error: unknown) {
  return failure(
    'journal-not-writable',
    `cannot write the journal ${file}: ${messageOf(error)}`,
    'Free space on that disk and check its permissions; what was serving goes on serving.',
    { cause: error },
  );
}

function writeDurably(file: string, text: string): void {
  const part = `${file}.new`;
  const descriptor = openSync(part, 'w', 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(part, file);
  syncFolder(dirname(file));
}

// A rename is durable only when its folder is.
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Opens `journal.jsonl` in the state folder: reads it, keeps a copy of a damaged one beside it, compacts it into one
 * snapshot, and appends from then on.
 */
export function openJournal(
  folder: string,
  deps: { now(): Date; onDamage(line: number, copy: string): void },
): Journal {
  const file = join(folder, 'journal.jsonl');
  const text = readIfThere(file);
  const reading = readJournal(text);
  let device: DeviceState = replay(reading.records);
  try {
    if (reading.damagedLine !== undefined) {
      const copy = `${file}.damaged`;
      writeDurably(copy, text);
      deps.onDamage(reading.damagedLine, copy);
    }
    writeDurably(file, snapshotLine(device, deps.now()));
  } catch (error) {
    throw notWritable(file, error);
  }
  let appender = openAppender(file);
  let appended = 0;
  const compact = () => {
    writeDurably(file, snapshotLine(device, deps.now()));
    appender.close();
    appender = openAppender(file);
    appended = 0;
  };
  return {
    state: () => device,
    append(record) {
      appender.append(encodeLine(record));
      device = applyRecord(device, record);
      appended += 1;
      if (appended >= COMPACT_AFTER) compact();
    },
    close: () => appender.close(),
  };
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return '';
    throw failure(
      'journal-not-readable',
      `cannot read the journal ${file}: ${messageOf(error)}`,
      'Check the permissions of the state folder, or give the agent another one with --state.',
      { cause: error },
    );
  }
}

function openAppender(file: string) {
  const descriptor = openSync(file, 'a', 0o600);
  let size = fstatSync(descriptor).size;
  return {
    append(line: string): void {
      const bytes = Buffer.from(line);
      try {
        let written = 0;
        while (written < bytes.length) written += writeSync(descriptor, bytes, written);
        fsyncSync(descriptor);
        size += bytes.length;
      } catch (error) {
        // Half a line (a full disk) would hide every record after it.
        ftruncateSync(descriptor, size);
        throw notWritable(file, error);
      }
    },
    close: () => closeSync(descriptor),
  };
}
