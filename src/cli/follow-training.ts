import { styleText } from 'node:util';
import type { TrainingFollower } from '../loop/workspace.ts';
import { plainLine } from '../training/index.ts';
import { SPINNER } from './spinner.ts';

/** A terminal, or whatever else takes text. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

const FRAME_MS = 100;
const ESCAPE = '\u001B';
const CLEAR_LINE = `\r${ESCAPE}[K`;
/** What is too wide in spite of being cut, as wide characters are, must not begin another line. */
const UNWRAPPED = { on: `${ESCAPE}[?7l`, off: `${ESCAPE}[?7h` };
const DEFAULT_COLUMNS = 80;

/** Passes on a training's lines; a terminal that can move its cursor also shows at its bottom how the training goes. */
export function followTraining(
  model: string,
  { output, environment }: { output: Output; environment: NodeJS.ProcessEnv },
): TrainingFollower {
  const redraws = output.isTTY === true && environment['TERM'] !== 'dumb';
  return redraws ? onTerminal(model, output) : asLines(output);
}

/** The lines alone, as a log takes them. */
function asLines(output: Output): TrainingFollower {
  return { line: (line) => void output.write(prefixed(line)), end: () => {} };
}

function onTerminal(model: string, output: Output): TrainingFollower {
  const started = performance.now();
  let frame = 0;
  let last = '';
  const status = () =>
    statusLine({
      spinner: SPINNER[frame % SPINNER.length] ?? '',
      model,
      seconds: Math.floor((performance.now() - started) / 1000),
      last,
      // A size of 0 is what a terminal says that does not know it.
      columns: output.columns || DEFAULT_COLUMNS,
    });
  const draw = (above: string) =>
    void output.write(`${CLEAR_LINE}${above}${UNWRAPPED.on}${status()}${UNWRAPPED.off}`);
  const clear = () => void output.write(CLEAR_LINE);
  const timer = setInterval(() => {
    frame += 1;
    draw('');
  }, FRAME_MS);
  // A second Ctrl-C ends the process at once.
  process.once('exit', clear);
  draw('');
  return {
    line(line) {
      const text = plainLine(line);
      if (text.trim() !== '') last = text.trim();
      draw(prefixed(text));
    },
    end() {
      clearInterval(timer);
      process.off('exit', clear);
      clear();
    },
  };
}

interface Status {
  spinner: string;
  model: string;
  seconds: number;
  last: string;
  columns: number;
}

function statusLine({ spinner, model, seconds, last, columns }: Status): string {
  const time = `${seconds} s`;
  // The last column stays empty: a character in it leaves the cursor between two lines.
  const room = columns - 1 - [spinner, model, time].join('  ').length - 2;
  const head = [colour('cyan', spinner), colour('bold', model), time].join('  ');
  return room > 0 ? `${head}  ${colour('dim', [...last].slice(0, room).join(''))}` : head;
}

const colour = (style: 'cyan' | 'bold' | 'dim', text: string): string =>
  styleText(style, text, { stream: process.stderr });

const prefixed = (line: string): string => `  | ${line}\n`;
