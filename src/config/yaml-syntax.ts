import { type Document, LineCounter, parseDocument, visit } from 'yaml';

/** Something at an offset, in characters from the start of the text. */
export interface SyntaxProblem {
  offset: number;
  text: string;
}

export interface ParsedYaml {
  document: Document;
  /** All that is wrong before any schema is asked; the document's values mean nothing unless this is empty. */
  problems: SyntaxProblem[];
  position: (offset: number) => Position;
}

/** Both from 1. */
export interface Position {
  line: number;
  column: number;
}

/** Parses a file that holds one YAML 1.2 document with plain keys. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, stringKeys: true });
  const told = [...document.errors, ...document.warnings].map((error) => ({
    offset: (isOpenQuote(error.message) && openQuote(document, error.pos[0])) || error.pos[0],
    text: inOurWords(error, text),
  }));
  return {
    document,
    problems: told.length > 0 ? told : aliasProblems(document),
    position: (offset) => {
      const { line, col: column } = lines.linePos(offset);
      return { line, column };
    },
  };
}

/** The parser's own words are for those who know its insides; most of them stand for a slip of one kind. */
function inOurWords({ code, message, pos }: Document['errors'][number], text: string): string {
  const key = /^[^\s:]+|^"[^"]*"/.exec(text.slice(pos[0]))?.[0] ?? '';
  // The parser's message ends with the place and an excerpt; the place stands in front already.
  const own = (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:$/, '');
  if (code === 'TAB_AS_INDENT') return 'found a tab; expected spaces in front of a key';
  if (code === 'BAD_INDENT' && own.startsWith('All mapping items'))
    return 'expected the same indentation as that of the other keys of its map';
  if (isOpenQuote(own)) return 'the quote that begins here is never closed';
  if (code === 'DUPLICATE_KEY')
    return `the key "${key.replaceAll('"', '')}" stands twice in its map; keep one`;
  if (code === 'MULTIPLE_DOCS') return 'found a second document ("---"); expected one document in the file';
  if (code === 'NON_STRING_KEY')
    return 'found a list or a map as a key; put a text that begins with "[" or "{" in quotes';
  if (code === 'BLOCK_AS_IMPLICIT_KEY')
    return 'found a second ": " in one line; put a text that holds one in quotes, a map on lines of its own';
  if (code === 'MULTILINE_IMPLICIT_KEY' || own.startsWith('Implicit map keys'))
    return `found "${key}" where a key should stand; expected KEY: VALUE, with a space behind the colon`;
  return own;
}

const isOpenQuote = (message: string): boolean => message.startsWith('Missing closing');

/** Where the quote begins that the file ends without: the parser reports the end, where nothing is to be mended. */
function openQuote(document: Document, end: number): number | undefined {
  let start: number | undefined;
  visit(document, {
    Scalar(_, { type, range }) {
      const quoted = type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE';
      if (quoted && range && range[0] < end && end <= range[1]) start = range[0];
    },
  });
  return start;
}

function aliasProblems(document: Document): SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  visit(document, {
    Alias(_, alias, ancestors) {
      const offset = alias.range?.[0] ?? 0;
      const meant = alias.resolve(document);
      if (meant === undefined) {
        problems.push({
          offset,
          text: `found the alias *${alias.source}; expected an anchor &${alias.source} before it`,
        });
      } else if (ancestors.includes(meant)) {
        problems.push({ offset, text: `the alias *${alias.source} stands inside of what it names` });
      }
    },
  });
  return problems;
}
