import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTrainingLog } from './training-log.ts';

const newPath = () => join(mkdtempSync(join(tmpdir(), 'edgeloop-log-')), 'churn/key.log');

describe('openTrainingLog', () => {
  it('holds every line as soon as it was written', () => {
    const path = newPath();
    const log = openTrainingLog(path);
    expect(readFileSync(path, 'utf8')).toBe('');
    log.write('epoch 1');
    expect(readFileSync(path, 'utf8')).toBe('epoch 1\n');
    log.write('größer');
    expect(readFileSync(path, 'utf8')).toBe('epoch 1\ngrößer\n');
    expect(log.close()).toBeUndefined();
  });

  it('replaces what an earlier training left', () => {
    const path = newPath();
    for (const text of ['a long first line', 'short']) {
      const log = openTrainingLog(path);
      log.write(text);
      log.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('short\n');
  });

  it('never has more than 16 MB, keeps beginning and end, and says how many lines are missing between', () => {
    const path = newPath();
    const log = openTrainingLog(path);
    const lines = Array.from({ length: 100_000 }, (_, index) => `${index} ${'x'.repeat(index % 700)}`);
    let largest = 0;
    for (const [index, line] of lines.entries()) {
      log.write(line);
      if (index % 1000 === 0) largest = Math.max(largest, statSync(path).size);
    }
    expect(log.close()).toBeUndefined();
    expect(largest).toBeGreaterThan(15_000_000);
    expect(largest).toBeLessThanOrEqual(16_000_000);

    const kept = readFileSync(path, 'utf8').trimEnd().split('\n');
    const at = kept.findIndex((line) => line.startsWith('[edgeloop: '));
    const [, missing, bytes] =
      /^\[edgeloop: (\d+) lines \((\d+) bytes\) left out here\]$/.exec(kept[at] ?? '') ?? [];
    const after = kept.slice(at + 1);
    expect(at).toBeGreaterThan(5000);
    expect(kept.slice(0, at)).toEqual(lines.slice(0, at));
    expect(after.length).toBeGreaterThan(5000);
    expect(after).toEqual(lines.slice(-after.length));
    const gone = lines.slice(at, lines.length - after.length);
    expect({ missing, bytes }).toEqual({
      missing: String(gone.length),
      bytes: String(Buffer.byteLength(`${gone.join('\n')}\n`)),
    });
  });

  it('cuts a line that has no end', () => {
    const path = newPath();
    const log = openTrainingLog(path);
    log.write('x'.repeat(20_000_000));
    log.write('after');
    log.close();
    expect(readFileSync(path, 'utf8')).toMatch(
      /^x{65536} \[edgeloop: 19934464 characters of this line left out\]\nafter\n$/,
    );
  });

  it('is refused before anything is trained where no file can be', () => {
    const path = newPath();
    mkdirSync(path, { recursive: true });
    expect(() => openTrainingLog(path)).toThrow(
      expect.objectContaining({ code: 'training-log-unwritable', message: expect.stringContaining(path) }),
    );
  });

  it.runIf(existsSync('/dev/full'))('tells at its end that the disk was full, and not before', () => {
    const log = openTrainingLog('/dev/full');
    log.write('a line');
    expect(log.close()).toMatchObject({ code: 'ENOSPC' });
  });
});
