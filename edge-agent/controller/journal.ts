import { createHash } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { failure, isSystemError, messageOf } from '../../src/errors.ts';
import {
  applyRecord,
  type DeviceState,
  type JournalRecord,
  recordSchema,
  replay,
  restarted,
} from './device-state.ts';

/** The agent's durable record: every state is on the disk before the effect that follows it. */
export interface Journal {
  state(): DeviceState;
  /** Appends one record and returns when it is on the disk. Throws `journal-not-writable`. */
  append(record: JournalRecord): void;
  close(): void;
}

export interface JournalReading {
  records: JournalRecord[];
  /** Bytes that these records take. */
  bytes: number;
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
  let bytes = 0;
  for (const [index, line] of lines.entries()) {
    const torn = index === lines.length - 1;
    if (line === '' && torn) break;
    const record = torn ? undefined : decodeLine(line);
    if (record !== undefined) {
      records.push(record);
      bytes += Buffer.byteLength(line) + 1;
      continue;
    }
    const last = torn || lines.slice(index + 1).every((rest) => rest === '');
    return last ? { records, bytes } : { records, bytes, damagedLine: index + 1 };
  }
  return { records, bytes };
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
  try {
    const descriptor = openSync(part, 'w', 0o600);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(part, file);
  } catch (error) {
    // Half of it must not take the last room of a full disk.
    rmSync(part, { force: true });
    throw error;
  }
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

/** What the journal tells of itself, beside its errors. */
export interface JournalEvents {
  onDamage(line: number, copy: string): void;
  /** It stays as long as it is, and is compacted after a later record. */
  onNotCompacted(error: unknown): void;
}

/**
 * Opens `journal.jsonl` in the state folder: reads it, keeps a copy of a damaged one beside it, compacts it into one
 * snapshot, and appends from then on. A disk without room for the snapshot is no reason not to start.
 */
export function openJournal(folder: string, deps: JournalEvents & { now(): Date }): Journal {
  const file = join(folder, 'journal.jsonl');
  const text = readIfThere(file);
  const reading = readJournal(text ?? '');
  let device = restarted(replay(reading.records));
  try {
    if (text !== undefined && reading.damagedLine !== undefined) {
      const copy = `${file}.damaged`;
      writeDurably(copy, text);
      deps.onDamage(reading.damagedLine, copy);
    }
    writeDurably(file, snapshotLine(device, deps.now()));
  } catch (error) {
    if (text === undefined || reading.damagedLine !== undefined) throw notWritable(file, error);
    deps.onNotCompacted(error);
    cutTo(file, reading.bytes);
  }
  let appender = openAppender(file);
  let appended = 0;
  const compact = () => {
    try {
      writeDurably(file, snapshotLine(device, deps.now()));
    } catch (error) {
      // The record that asked for it is on the disk, so what it announces must go on.
      deps.onNotCompacted(error);
      return;
    }
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
      if (appended % COMPACT_AFTER === 0) compact();
    },
    close: () => appender.close(),
  };
}

/** Removes the torn end of a file that could not be replaced: a record behind it would never be read. */
function cutTo(file: string, bytes: number): void {
  try {
    truncateSync(file, bytes);
  } catch (error) {
    throw notWritable(file, error);
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
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
