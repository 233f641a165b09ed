import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Place } from '../errors.ts';

/** Where a command ran, and where the same files lie for its user. */
export interface RanIn {
  /** The folder that it ran in, under every name that the folder has; the first one is what relative paths mean. */
  folders: readonly [string, ...string[]];
  /** The user's own folder; places are given in it. */
  project: string;
  /** Whether a file lies at a path of the project. */
  isFile: (path: string) => boolean;
}

type Found = Place & { index: number };

/**
 * Where the error stands that a command printed last: the innermost frame of its traceback (Python) or stack (Node)
 * that lies in the project, or what a syntax error names. The lines are the command's own, so nothing in them can make
 * it name a file outside of the project. Formats: Python 3 `traceback`, Node 22 and later.
 */
export function findErrorPlace(lines: readonly string[], ranIn: RanIn): Place | undefined {
  const found = [inTraceback(lines, ranIn), inStack(lines, ranIn), atCaret(lines, ranIn)];
  // What was printed last is what ended it.
  const last = found.filter((one) => one !== undefined).toSorted((a, b) => b.index - a.index)[0];
  if (last === undefined) return undefined;
  const { index: _, ...place } = last;
  return place;
}

/** In an exception group each line has a margin in front of it. */
const PYTHON_FRAME = /^([ |]*) {2}File "(.*)", line (\d+)/;
const PYTHON_EXCEPTION = /^[A-Za-z_][\w.]*(:.*)?$/;

function inTraceback(lines: readonly string[], ranIn: RanIn): Found | undefined {
  for (const [index, line] of [...lines.entries()].toReversed()) {
    const [, margin = '', path = '', number = ''] = PYTHON_FRAME.exec(line) ?? [];
    const at = located(path, number, ranIn);
    if (at === undefined) continue;
    const message = lines
      .slice(index + 1)
      .filter((later) => later.startsWith(margin))
      .map((later) => later.slice(margin.length))
      .find((later) => PYTHON_EXCEPTION.test(later));
    return { ...at, message: message ?? line.trim(), index };
  }
  return undefined;
}

/** With four spaces: those of a cause have six. */
const NODE_FRAME = /^ {4}at (?:.*? \((.+)\)|(?:async )?(.+?))(?: \{)?$/;
/** As many lines as a message may have to be found. */
const MESSAGE_LINES = 10;
const NODE_ERROR = /^(?:Uncaught )?[\w$.]*(?:Error|Exception)\b/;

function inStack(lines: readonly string[], ranIn: RanIn): Found | undefined {
  let found: Found | undefined;
  for (const [index, line] of [...lines.entries()].toReversed()) {
    const frame = NODE_FRAME.exec(line);
    if (frame === null && found !== undefined) {
      const above = lines.slice(Math.max(0, index + 1 - MESSAGE_LINES), index + 1).toReversed();
      return { ...found, message: above.find((one) => NODE_ERROR.test(one)) ?? line };
    }
    const [, path = '', number = '', column = ''] =
      /^(.+):(\d+):(\d+)$/.exec(frame?.[1] ?? frame?.[2] ?? '') ?? [];
    const at = located(path, number, ranIn);
    if (at !== undefined) found = { ...at, column: Number(column), message: line.trim(), index };
  }
  return found;
}

const LINES_OF_SOURCE = 5;

/** `PATH:LINE`, some lines of the source, and a line with carets: all that Node says of the place of a syntax error. */
function atCaret(lines: readonly string[], ranIn: RanIn): Found | undefined {
  for (const [index, line] of [...lines.entries()].toReversed()) {
    const [, path = '', number = ''] = /^(.+):(\d+)$/.exec(line) ?? [];
    const at = located(path, number, ranIn);
    if (at === undefined) continue;
    const below = lines.slice(index + 1);
    const caret = below.findIndex((one) => /^\s*\^+$/.test(one));
    if (caret === -1 || caret > LINES_OF_SOURCE) continue;
    return { ...at, message: below.slice(caret + 1).find((one) => one !== '') ?? line, index };
  }
  return undefined;
}

/** What is installed beside the code, and what we keep there ourselves. */
const NOT_THEIRS = new Set(['node_modules', 'site-packages', 'dist-packages', '.edgeloop', '..']);

function located(
  path: string,
  number: string,
  { folders, project, isFile }: RanIn,
): { file: string; line: number } | undefined {
  const line = Number(number);
  const ran = absolute(path, folders[0]);
  if (ran === undefined || !Number.isSafeInteger(line) || line < 1) return undefined;
  for (const folder of [...folders, project]) {
    const inside = relative(folder, ran);
    if (inside === '' || inside.split(sep).some((part) => NOT_THEIRS.has(part))) continue;
    const file = join(project, inside);
    return isFile(file) ? { file, line } : undefined;
  }
  return undefined;
}

function absolute(path: string, folder: string): string | undefined {
  if (path === '' || path.startsWith('node:')) return undefined;
  try {
    return path.startsWith('file:') ? fileURLToPath(path) : resolve(folder, path);
  } catch {
    // No address of a file on this machine.
    return undefined;
  }
}
