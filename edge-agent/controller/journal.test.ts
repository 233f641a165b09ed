import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type JournalRecord, replay } from './device-state.ts';
import { encodeLine, openJournal, readJournal } from './journal.ts';
import type { State } from '../slots/states.ts';

const at = '2026-01-02T03:04:05.000Z';
const one = `sha256:${'1'.repeat(64)}`;
const two = `sha256:${'2'.repeat(64)}`;
const state = (version: string, digest: string, to: State, reason?: string): JournalRecord => ({
  type: 'state',
  at,
  model: 'line',
  version,
  digest,
  state: to,
  ...(reason === undefined ? {} : { reason }),
});
const document = (sequence: number): JournalRecord => ({
  type: 'document',
  at,
  model: 'line',
  channel: 'production',
  sequence,
  digest: one,
  attestation: 'missing',
});

const records = [
  document(1),
  state('1.0.0', one, 'discovered'),
  state('1.0.0', one, 'active'),
  state('1.0.0', one, 'committed'),
  document(2),
  state('2.0.0', two, 'discovered'),
  state('2.0.0', two, 'active'),
];

let folder: string;
beforeEach(() => {
  notCompacted = 0;
  folder = mkdtempSync(join(tmpdir(), 'edgeloop-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const damages: number[] = [];
let notCompacted = 0;
const open = () =>
  openJournal(folder, {
    now: () => new Date(at),
    onDamage: (line) => damages.push(line),
    onNotCompacted: () => {
      notCompacted += 1;
    },
  });

describe('journal', () => {
  it('gives back what was appended, and the same after compaction', () => {
    const first = open();
    for (const record of records) first.append(record);
    first.close();
    const second = open();
    expect(second.state()).toEqual(replay(records));
    second.close();
    expect(readFileSync(join(folder, 'journal.jsonl'), 'utf8').trim().split('\n')).toHaveLength(1);
    const third = open();
    expect(third.state()).toEqual(replay(records));
    third.close();
  });

  it('torn at any byte of its last record, holds exactly the records before', () => {
    const whole = records.map(encodeLine).join('');
    const last = encodeLine(records.at(-1) ?? document(1));
    const bytes = Buffer.from(whole);
    for (let cut = whole.length - last.length; cut < whole.length; cut += 1) {
      const reading = readJournal(bytes.subarray(0, cut).toString());
      expect(reading, `cut at ${cut}`).toEqual({
        records: records.slice(0, -1),
        bytes: whole.length - last.length,
      });
    }
  });

  it('with any one byte of its last record changed, holds exactly the records before', () => {
    const before = records.slice(0, -1).map(encodeLine).join('');
    const last = Buffer.from(encodeLine(records.at(-1) ?? document(1)));
    for (let index = 0; index < last.length - 1; index += 1) {
      const damaged = Buffer.from(last);
      damaged[index] = (damaged[index] ?? 0) ^ 1;
      expect(readJournal(before + damaged.toString('latin1')).records).toHaveLength(records.length - 1);
    }
  });

  it('reports damage in the middle, keeps the records before it and a copy of the file', () => {
    const lines = records.map(encodeLine);
    lines[3] = (lines[3] ?? '').replace('committed', 'committeb');
    writeFileSync(join(folder, 'journal.jsonl'), lines.join(''));
    damages.length = 0;
    const journal = open();
    journal.close();
    expect(damages).toEqual([4]);
    expect(journal.state()).toEqual(replay(records.slice(0, 3)));
    expect(readFileSync(join(folder, 'journal.jsonl.damaged'), 'utf8')).toBe(lines.join(''));
  });

  it('opened without room for a snapshot, goes on behind the last whole record', () => {
    const file = join(folder, 'journal.jsonl');
    const lines = records.map(encodeLine).join('');
    writeFileSync(file, lines + encodeLine(document(3)).slice(0, 40));
    mkdirSync(`${file}.new`);
    const journal = open();
    journal.append(document(4));
    journal.close();
    expect(notCompacted).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe(lines + encodeLine(document(4)));
  });

  it('without room for a snapshot in between, takes the record all the same', () => {
    const journal = open();
    mkdirSync(join(folder, 'journal.jsonl.new'));
    for (let sequence = 1; sequence <= 1001; sequence += 1) journal.append(document(sequence));
    journal.close();
    expect(notCompacted).toBe(1);
    const { records: kept } = readJournal(readFileSync(join(folder, 'journal.jsonl'), 'utf8'));
    expect(kept).toHaveLength(1002);
  });

  it('forgets a version whose files may be incomplete, when it is opened again', () => {
    const three = `sha256:${'3'.repeat(64)}`;
    const journal = open();
    for (const record of [...records, state('3.0.0', three, 'discovered')]) journal.append(record);
    expect(journal.state()['line']?.candidate?.digest).toBe(three);
    journal.close();
    const again = open();
    expect(again.state()).toEqual(replay(records));
    again.close();
  });
});

const line = (more: JournalRecord[]) => replay([...records, ...more])['line'];

describe('replay', () => {
  it('keeps the predecessor of what is active', () => {
    expect(line([])).toMatchObject({
      active: { version: '2.0.0', digest: two, state: 'active' },
      previous: { version: '1.0.0', digest: one },
      documents: { production: { sequence: 2 } },
    });
  });

  it.each(['rolled-back', 'quarantined'] as const)('serves the predecessor after %s', (to) => {
    const after = line([state('2.0.0', two, to, 'because')]);
    expect(after?.active).toEqual({ version: '1.0.0', digest: one, state: 'committed' });
    expect(after?.previous).toBeUndefined();
  });

  it('remembers why a digest is quarantined, and leaves what serves alone', () => {
    const three = `sha256:${'3'.repeat(64)}`;
    const after = line([
      state('3.0.0', three, 'discovered'),
      state('3.0.0', three, 'staged'),
      state('3.0.0', three, 'quarantined', 'golden sample 0 differs'),
    ]);
    expect(after?.quarantined).toEqual([
      { version: '3.0.0', digest: three, reason: 'golden sample 0 differs' },
    ]);
    expect(after?.active?.digest).toBe(two);
    expect(after?.candidate).toBeUndefined();
  });

  it('falls back to the predecessor when the files of the active version are damaged', () => {
    const after = line([state('2.0.0', two, 'discovered')]);
    expect(after?.active?.digest).toBe(one);
    expect(after?.candidate).toEqual({ version: '2.0.0', digest: two, state: 'discovered', attempts: 0 });
  });

  it('swaps the roles when the predecessor becomes active again', () => {
    const after = line([state('1.0.0', one, 'active')]);
    expect([after?.active?.digest, after?.previous?.digest]).toEqual([one, two]);
  });
});
