const LONGEST = 300;
const ZERO_WIDTH_SPACE = '\u200B';

/**
 * A text from outside as plain Markdown text on one line: nothing in it becomes markup, HTML, a formula, a link, a
 * mention or a cell's end (GitHub Flavored Markdown 0.29, 6.1 backslash escapes). At most 300 characters of it.
 */
export function plain(text: string, longest = LONGEST): string {
  return (
    oneLine(text, longest)
      // An interval such as [0.005, 0.037] stays readable; it is markup only when a target follows.
      .replace(/\[[-\d.,% e]+\](?![[(:])|[\\`*<>[\]|~&$]|(?<!\w)_|_(?!\w)/g, (found) =>
        found.length > 1 ? found : `\\${found}`,
      )
      .replace(/^(?=[#+=-])|(?<=^\d+)(?=[.)])/, '\\')
      // GitHub finds mentions, references and addresses in the rendered text, where a backslash is gone.
      .replace(
        /@(?=\w)|#(?=\d)|\bGH(?=-\d)|(?<=\b(?:https?|ftp|mailto|xmpp)):|(?<=\bwww)\./gi,
        `$&${ZERO_WIDTH_SPACE}`,
      )
  );
}

/** A name from outside as a code span, in which nothing is markup. Not for a table's cell, which a pipe ends even there. */
export function code(text: string): string {
  const line = oneLine(text);
  const fence = '`'.repeat(longestRun(line) + 1);
  const pad = line.startsWith('`') || line.endsWith('`') || line === '' ? ' ' : '';
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** Commands as a fenced block, one a line. */
export function codeBlock(language: string, lines: readonly string[]): string {
  const text = lines.join('\n');
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}${language}\n${text}\n${fence}`;
}

/** The first 300 characters on one line, without control characters and the marks that turn the direction of a text. */
export function oneLine(text: string, longest = LONGEST): string {
  const line = visible(text).trim();
  // A cut through a surrogate pair leaves half a character.
  return (line.length > longest ? `${line.slice(0, longest)}…` : line).toWellFormed();
}

/** Without control characters, line ends, and the marks that turn the direction of a text around. */
function visible(text: string): string {
  return text
    .replace(/[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g, '')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}
