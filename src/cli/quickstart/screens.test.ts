import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { tallyOf } from './figures.ts';
import { liveScreen } from './live-screen.ts';
import { createNarrator } from './narrator.ts';
import { plainScreen } from './plain-screen.ts';
import { wrap } from '../wrap.ts';

const ESCAPE = '\u001B';
const SEQUENCES = new RegExp(`(${ESCAPE}\\[[?\\d;]*[A-Za-z]|\\n|\\r)`);

/** What a terminal shows after this: knows "up N lines", "clear the rest of the line" and "clear below". */
function shown(written: string): string[] {
  const lines = [''];
  let [at, column] = [0, 0];
  for (const part of written.split(SEQUENCES)) {
    const line = lines[at] ?? '';
    if (part === '\r') column = 0;
    else if (part === '\n') [at, column] = [at + 1, 0];
    else if (part === `${ESCAPE}[0J`) lines.length = at;
    else if (part === `${ESCAPE}[K`) lines[at] = line.slice(0, column);
    else if (part.startsWith(ESCAPE)) at -= part.endsWith('A') ? Number.parseInt(part.slice(2), 10) : 0;
    else {
      lines[at] = line.slice(0, column) + part + line.slice(column + part.length);
      column += part.length;
    }
  }
  return lines;
}

describe('liveScreen', () => {
  it('redraws the step in place, keeps finished steps, and leaves the cursor visible', () => {
    let written = '';
    const terminal = { write: (text: string) => (written += text), columns: 80, rows: 40 };
    const samples = [{ due: 0, latency: 5, version: '1.0.0' }];
    const narrator = createNarrator(liveScreen(terminal, () => tallyOf(samples, { now: 10, running: true })));
    narrator.step('First');
    narrator.doing('$ edgeloop plan churn');
    narrator.tell('plan', 'one');
    expect(shown(written).join('\n')).toMatch(
      /First .*\n +plan +one\n.*plan churn\n\n.* 1 requests .*1\.0\.0/,
    );
    narrator.step('Second');
    narrator.end(false);
    expect(shown(written).map((line) => line.replace(/ +\d+\.\d s$/, ''))).toEqual([
      '✔ 1  First',
      '     plan     one',
      '',
      '✖ 2  Second',
      '',
      '',
    ]);
    expect(written.lastIndexOf(`${ESCAPE}[?25h`)).toBeGreaterThan(written.lastIndexOf(`${ESCAPE}[?25l`));
  });

  it('never draws more lines than the terminal has', () => {
    const frames: string[] = [];
    const terminal = { write: (text: string) => frames.push(text), columns: 60, rows: 10 };
    const narrator = createNarrator(liveScreen(terminal, () => undefined));
    narrator.step('Long');
    for (let line = 0; line < 30; line += 1) narrator.tell('plan', `line ${line}`);
    const last = frames.at(-1) ?? '';
    expect(last.split('\n').length - 1).toBe(9);
    expect(last).toContain('line 29');
    narrator.end(true);
  });
});

describe('plainScreen', () => {
  it('writes lines without a control character', () => {
    let written = '';
    const narrator = createNarrator(
      plainScreen(
        (text) => (written += text),
        () => undefined,
      ),
    );
    narrator.step('First');
    narrator.doing('$ edgeloop plan churn');
    narrator.tell('plan', 'one');
    expect(narrator.end(true)).toMatchObject([{ number: 1, title: 'First', state: 'done' }]);
    expect(written.replace(/\d+\.\d s/, 'N s')).toBe('1. First\n   plan: one\n   done after N s\n\n');
    expect(stripVTControlCharacters(written)).toBe(written);
  });
});

describe('wrap', () => {
  it('breaks between words only, and never before a percent sign', () => {
    expect(wrap('ab cd 12 % efghijkl', 8)).toEqual(['ab cd', '12 %', 'efghijkl']);
  });
});
