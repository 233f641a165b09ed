import { describe, expect, it } from 'vitest';
import { csvRecords } from '../../../examples/churn/training/csv.ts';

const texts = (csv: string): string[][] =>
  [...csvRecords(csv, 'a.csv')].map(({ values }) => values.map(({ text }) => text));

describe('csvRecords', () => {
  it('splits at commas and line ends, with or without a last line end', () => {
    expect(texts('a,b\n1,\r\n,2')).toEqual([
      ['a', 'b'],
      ['1', ''],
      ['', '2'],
    ]);
    expect(texts('a,b\n1,2\n')).toEqual(texts('a,b\n1,2'));
    expect(texts('')).toEqual([]);
  });

  it('takes commas, line ends and doubled quotes inside quotes as text', () => {
    expect(texts('"a,""b""\r\nc",d\n"",e')).toEqual([
      ['a,"b"\r\nc', 'd'],
      ['', 'e'],
    ]);
  });

  it('knows where a value starts, also after a quoted line end', () => {
    const [, second] = csvRecords('h,i\n"x\ny",z\n', 'a.csv');
    expect(second?.values).toEqual([
      { text: 'x\ny', line: 2, column: 1 },
      { text: 'z', line: 3, column: 4 },
    ]);
    expect(second?.end).toEqual({ line: 3, column: 5 });
  });

  it('refuses quotes that do not fit', () => {
    expect(() => texts('a\n1,"b')).toThrow(
      'a.csv:2:3: found a quote that is never closed, expected a closing quote',
    );
    expect(() => texts('a"b')).toThrow(
      'a.csv:1:2: found "\\"" after a value, expected a comma or the end of the line',
    );
    expect(() => texts('"a"b')).toThrow('a.csv:1:4: found "b" after a value');
  });
});
