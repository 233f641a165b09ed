/** A place in a text file: line and character in it, both counted from 1. */
export interface Place {
  line: number;
  column: number;
}

/** One value of a record, without its quotes, and where it starts. */
export interface CsvValue extends Place {
  text: string;
}

/** One line of a table (more than one when a quoted value spans lines), and where it ends. */
export interface CsvRecord {
  values: CsvValue[];
  end: Place;
}

/** Input that cannot be used. Its message is complete: where, what was found, what was expected. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** An {@link InputError} that points at a place in a file, in the form that editors and terminals make a link of. */
export function badInput(file: string, at: Place, found: string, expected: string): InputError {
  return new InputError(`${file}:${at.line}:${at.column}: found ${found}, expected ${expected}`);
}

/** A value as it is shown in a message: quoted, on one line, not too long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/**
 * Splits CSV text (RFC 4180: commas, quotes doubled inside quotes, LF or CRLF) into records, header included.
 * Throws an {@link InputError} for a quote that is not closed or stands inside an unquoted value.
 */
export function* csvRecords(text: string, file: string): Generator<CsvRecord> {
  const value = /"(?<quoted>[^"]*(?:""[^"]*)*)"|[^",\r\n]*/y;
  const separator = /,|\r?\n|$/y;
  let index = 0;
  let line = 1;
  let lineStart = 0;
  const here = (): Place => ({ line, column: index - lineStart + 1 });

  while (index < text.length) {
    const values: CsvValue[] = [];
    let ending = ',';
    while (ending === ',') {
      const start = here();
      value.lastIndex = index;
      const match = value.exec(text);
      const raw = match?.[0] ?? '';
      values.push({ ...start, text: match?.groups?.['quoted']?.replaceAll('""', '"') ?? raw });
      index += raw.length;
      line += raw.split('\n').length - 1;
      if (raw.includes('\n')) lineStart = index - (raw.length - raw.lastIndexOf('\n') - 1);

      separator.lastIndex = index;
      const end = separator.exec(text);
      if (end === null) throw strayCharacter(file, here(), text[index] ?? '', raw === '');
      ending = end[0];
      if (ending !== ',') yield { values, end: here() };
      index += ending.length;
    }
    line += 1;
    lineStart = index;
  }
}

function strayCharacter(file: string, at: Place, character: string, first: boolean): InputError {
  if (character === '"' && first)
    return badInput(file, at, 'a quote that is never closed', 'a closing quote');
  return badInput(file, at, `${quote(character)} after a value`, 'a comma or the end of the line');
}
