import { describe, expect, it } from 'vitest';
import { harmless } from './log.ts';

/** What the runner takes for a command (actions/runner, `ActionCommand.cs`). */
const COMMAND = /^[\s\u0085]*::|##\[/;

describe('harmless', () => {
  it.each([
    '::error::x',
    '  ::add-mask::x',
    'one\n::set-env name=PATH::/evil',
    'one\r::stop-commands::x',
    'one\r\n\t::error::x',
    '\u0085::error::x',
    '\u2003::error::x',
    'text ##[error]x',
    '##[group]##[group]x',
    ':::::error::x',
  ])('leaves no command in %j', (text) => {
    const lines = harmless(text).split(/\r\n|\r|\n/);
    expect(lines.filter((line) => COMMAND.test(line))).toEqual([]);
  });

  it.each(['a::b', 'std::vector', 'C# [x]', 'churn: train\n  data changed'])('leaves %j alone', (text) => {
    expect(harmless(text)).toBe(text);
  });
});
