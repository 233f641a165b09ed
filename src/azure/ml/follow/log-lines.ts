import { StringDecoder } from 'node:string_decoder';

/** Turns the bytes of a log, as they come, into lines. */
export interface LogLines {
  /** The lines that are complete now. */
  add(bytes: Uint8Array): string[];
  /** What is left when no more comes. */
  end(): string[];
}

/** A longer line is told in pieces: it may never end. */
const LONGEST_LINE = 64 * 1024;
// At the very end a CR may be the first half of a line break.
const BREAK = /\r\n|\n|\r(?!$)/;

/** UTF-8, cut wherever it may be; a carriage return ends a line too, as progress bars write them. */
export function openLogLines(): LogLines {
  const decoder = new StringDecoder('utf8');
  let open = '';
  const lines = (text: string): string[] => {
    const complete = (open + text).split(BREAK);
    open = complete.pop() ?? '';
    while (open.length > LONGEST_LINE) {
      complete.push(open.slice(0, LONGEST_LINE));
      open = open.slice(LONGEST_LINE);
    }
    return complete;
  };
  return {
    add: (bytes) => lines(decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))),
    end() {
      const complete = lines(decoder.end());
      const rest = open.replace(/\r$/, '');
      open = '';
      return rest === '' ? complete : [...complete, rest];
    },
  };
}
