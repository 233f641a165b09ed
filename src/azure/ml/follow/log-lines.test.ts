import { array, assert, constantFrom, nat, property } from 'fast-check';
import { expect, it } from 'vitest';
import { openLogLines } from './log-lines.ts';

/** The lines of a text whose bytes come in pieces that end at these places. */
function linesOf(text: string, cuts: readonly number[] = []): string[] {
  const bytes = Buffer.from(text);
  const lines = openLogLines();
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  let from = 0;
  const told = ends.flatMap((end) => {
    const piece = bytes.subarray(from, end);
    from = end;
    return lines.add(piece);
  });
  return [...told, ...lines.end()];
}

it.each([
  ['', []],
  ['one\ntwo\n', ['one', 'two']],
  ['one\r\ntwo\r\n', ['one', 'two']],
  ['no end', ['no end']],
  ['epoch 1\n\nepoch 2', ['epoch 1', '', 'epoch 2']],
  [' 10 %\r 20 %\r 30 %\n', [' 10 %', ' 20 %', ' 30 %']],
  ['done\r', ['done']],
])('reads %j as %j', (text, lines) => {
  expect(linesOf(text)).toEqual(lines);
});

it('reads the same lines wherever the bytes were cut, within a character and between CR and LF too', () => {
  const text = array(constantFrom('a', 'é', '€', '🙂', '\n', '\r\n', '\r', ' '), { maxLength: 40 }).map(
    (parts) => parts.join(''),
  );
  assert(
    property(text, array(nat(), { maxLength: 8 }), (written, cuts) => {
      expect(linesOf(written, cuts)).toEqual(linesOf(written));
    }),
  );
});

it('tells a line in time that has no end', () => {
  const lines = openLogLines();
  const told = lines.add(Buffer.alloc(200_000, 'x'));
  expect(told.join('').length).toBeGreaterThan(100_000);
  expect([...told, ...lines.end()].join('')).toBe('x'.repeat(200_000));
});
