import { stripVTControlCharacters, styleText } from 'node:util';
import { SPINNER } from '../spinner.ts';
import type { Tally } from './figures.ts';
import type { Screen, Step } from './narrator.ts';
import { wrap } from '../wrap.ts';

/** A terminal: where text goes, and how large it is. */
export interface Terminal {
  write(text: string): unknown;
  columns: number;
  rows: number;
}

const FRAME_MS = 100;
const FRAMES_PER_TALLY = 4;
const WIDEST = 96;
const LABEL = 9;

/** The current step and the load, redrawn in place while the step runs; finished steps stay above it. */
export function liveScreen(terminal: Terminal, tally: () => Tally | undefined): Screen {
  let frame = 0;
  let load: Tally | undefined;
  let height = 0;
  let timer: NodeJS.Timeout | undefined;

  // A character in the last column would be taken by the sequence that clears the rest of the line.
  const width = () => Math.min(terminal.columns - 1, WIDEST);
  const rowsOf = (lines: readonly string[]) => {
    const each = lines.map((line) => Math.ceil(stripVTControlCharacters(line).length / terminal.columns));
    return each.reduce((sum, rows) => sum + Math.max(1, rows), 0);
  };
  const put = (lines: readonly string[]) => {
    const up = height > 0 ? `\u001B[${height}A` : '';
    const body = lines.map((line) => `${line}\u001B[K\n`).join('');
    terminal.write(`\u001B[?2026h\r${up}${body}\u001B[0J\u001B[?2026l`);
    height = rowsOf(lines);
  };
  const draw = (step: Step) => {
    const lines = [...stepLines(step, width(), frame), '', loadLine(load)];
    // What has scrolled away cannot be redrawn.
    while (lines.length > 1 && rowsOf(lines) >= terminal.rows) lines.shift();
    put(lines);
  };
  const showCursor = () => void terminal.write('\u001B[?25h');
  return {
    began(step) {
      terminal.write('\u001B[?25l');
      process.once('exit', showCursor);
      load = tally();
      draw(step);
      timer = setInterval(() => {
        frame += 1;
        if (frame % FRAMES_PER_TALLY === 0) load = tally();
        draw(step);
      }, FRAME_MS);
    },
    found: draw,
    doing: draw,
    ended(step) {
      clearInterval(timer);
      put([...stepLines(step, width(), frame), '']);
      height = 0;
      process.off('exit', showCursor);
      showCursor();
    },
  };
}

function stepLines(step: Step, width: number, frame: number): string[] {
  const title = `${step.number}  ${step.title}`;
  const time = `${step.seconds().toFixed(1)} s`;
  const gap = ' '.repeat(Math.max(2, width - 2 - title.length - time.length));
  const mark = {
    running: styleText('cyan', SPINNER[frame % SPINNER.length] ?? ''),
    done: styleText('green', '✔'),
    failed: styleText('red', '✖'),
  }[step.state];
  const findings = step.findings.flatMap(({ about, text }, index) => {
    const label = step.findings[index - 1]?.about === about ? '' : about;
    return indented(label, text, width);
  });
  const running =
    step.doing === '' ? [] : indented('', step.doing, width).map((line) => styleText('dim', line));
  return [`${mark} ${styleText('bold', title)}${gap}${styleText('dim', time)}`, ...findings, ...running];
}

/** A label, and text beside it in as many lines as it needs. */
function indented(label: string, text: string, width: number): string[] {
  return wrap(text, width - 5 - LABEL).map(
    (line, index) =>
      `     ${styleText(label === 'refused' ? 'yellow' : 'cyan', (index === 0 ? label : '').padEnd(LABEL))}${line}`,
  );
}

function loadLine(load: Tally | undefined): string {
  if (load === undefined) return '';
  const failed = `${load.failed} failed`;
  return [
    `  ${styleText('cyan', '▸')} ${load.requests.toLocaleString('en').padStart(6)} requests`,
    load.failed === 0 ? styleText('green', failed) : styleText(['red', 'bold'], failed),
    `${load.perSecond}/s`.padStart(5),
    `p99 ${load.p99Ms.toFixed(1)} ms`,
    load.version === undefined ? 'paused' : `served by ${styleText('bold', load.version)}`,
  ].join('   ');
}
