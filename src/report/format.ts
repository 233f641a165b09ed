import { code, plain } from '../markdown-escape.ts';

/** How a page writes what came from outside, so that nothing in it becomes markup. */
export interface Format {
  /** As part of a sentence or as a cell; at most `longest` characters of it. */
  text(text: string, longest?: number): string;
  /** A name, a version or a digest, set apart from the sentence. */
  name(text: string): string;
}

/** How the Markdown page writes what came from outside. */
export const MARKDOWN: Format = { text: plain, name: code };

/** As many entries of one list as a reviewer reads; the rest is counted. */
export const LISTED = 20;
/** Reasons against a candidate are what a report is for. */
export const REASONS_LISTED = 50;
/** Characters of a reason, a warning or an explanation: all of what the gate says, but for names that are endless. */
export const SENTENCE = 600;
/** Characters of a name in a table. */
export const CELL = 80;

/** The entries that are listed, and a last one that counts the others. */
export function listed(lines: readonly string[], most = LISTED): string[] {
  const more = lines.length > most ? [`and ${lines.length - most} more`] : [];
  return [...lines.slice(0, most), ...more];
}

/** The commands to repeat a training, as far as a page has room for them. */
export function commandLines(commands: readonly string[]): string[] {
  const more = commands.length > LISTED ? [`# and ${commands.length - LISTED} more commands`] : [];
  return [...commands.slice(0, LISTED), ...more];
}
