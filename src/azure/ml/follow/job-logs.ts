import { failure } from '../../../errors.ts';
import { http } from '../../../http.ts';
import { plainLine } from '../../../training/index.ts';
import type { DataPlane } from './data-plane.ts';
import { type LogLines, openLogLines } from './log-lines.ts';
import { type ChildRun, listChildRuns, readRunDetails, type RunDetails } from './run-details.ts';
import { courseOf } from '../states.ts';
import { streamedLogs } from './streamed-logs.ts';
import type { MlWorkspace } from '../workspace.ts';

/** What a job and the jobs within it print, read bit by bit. */
export interface JobLogs {
  /**
   * Reads what is new. `renew` when the job's state has changed, since there may be other files now, and after a
   * failure. Throws what passes, and goes on where it was when it is called again.
   */
  read(job: { type: string; isOver: boolean }, renew: boolean): Promise<void>;
  /** Tells lines that had no end. */
  end(): void;
  /** What run history said last of the job itself. */
  details(): RunDetails | undefined;
  /** The last lines, without anything that moves a cursor. */
  tail(): string[];
}

/** One run's logs. */
interface RunLogs {
  name: string;
  /** Stands before its lines; empty for the job itself. */
  label: string;
  details: RunDetails | undefined;
  readAt: number;
  files: Map<string, LogFile>;
  /** True when it has ended, run history knows when, and all of it was told. */
  isDone: boolean;
}

interface LogFile {
  offset: number;
  lines: LogLines;
}

const HAS_CHILDREN = new Set(['Pipeline', 'Sweep']);
/** Read at once, so that a log of gigabytes never lies in memory. */
const PIECE = 4 * 1024 * 1024;
const PIECE_TIMEOUT_MS = 60_000;
/** Each answer has new signatures, which the runner has to mask: asked no more often than needed for new files. */
const RENEW_MS = 60_000;
const TOLD_LINES = 20;
const KEPT_CHARACTERS = 1000;

/** Opens the logs of a job; asks nothing yet. */
export function openJobLogs(
  ml: MlWorkspace,
  name: string,
  { plane, onLine }: { plane: DataPlane; onLine: (line: string) => void },
): JobLogs {
  const own = openRun(name, '');
  const children = new Map<string, RunLogs>();
  const told: string[] = [];
  const tell = ({ label }: RunLogs, lines: string[]) => {
    for (const line of lines) {
      const full = label === '' ? line : `[${label}] ${line}`;
      told.push(plainLine(full).slice(0, KEPT_CHARACTERS));
      if (told.length > TOLD_LINES) told.shift();
      onLine(full);
    }
  };
  const readRun = async (run: RunLogs, type: string, isOver: boolean, renew: boolean) => {
    if (run.isDone) return;
    const isDue = logsOf(run, type).length === 0 || performance.now() - run.readAt > RENEW_MS;
    if (renew || isDue || isOver) {
      run.details = (await readRunDetails(ml, run.name, plane)) ?? run.details;
      run.readAt = performance.now();
    }
    for (const [path, url] of logsOf(run, type)) {
      const file = run.files.get(path) ?? { offset: 0, lines: openLogLines() };
      run.files.set(path, file);
      await readFile(file, url, ml.signal, (lines) => tell(run, lines));
    }
    run.isDone = isOver && run.details?.ended !== undefined;
  };
  return {
    async read({ type, isOver }, renew) {
      await readRun(own, type, isOver, renew);
      if (!HAS_CHILDREN.has(type)) return;
      for (const child of await listChildRuns(ml, name, plane)) {
        const run = children.get(child.name) ?? openRun(child.name, child.label);
        children.set(child.name, run);
        if (hasStarted(child)) await readRun(run, 'Command', isOver || isEnded(child), renew);
      }
    },
    end() {
      for (const run of [own, ...children.values()])
        for (const { lines } of run.files.values()) tell(run, lines.end());
    },
    details: () => own.details,
    tail: () => told,
  };
}

function openRun(name: string, label: string): RunLogs {
  return { name, label, details: undefined, readAt: 0, files: new Map(), isDone: false };
}

const isEnded = ({ state = '' }: ChildRun): boolean => courseOf(state) !== 'under way';
const hasStarted = ({ state = '' }: ChildRun): boolean =>
  !['NotStarted', 'Queued', 'Preparing'].includes(state);

/** The files to tell, in order, with their URLs. */
function logsOf({ details }: RunLogs, type: string): [path: string, url: string][] {
  const { logFiles = {} } = details ?? {};
  return streamedLogs(Object.keys(logFiles), type).map((path) => [path, logFiles[path] ?? '']);
}

/** Tells what a file has beyond what was told of it. */
async function readFile(
  file: LogFile,
  url: string,
  signal: AbortSignal | undefined,
  tell: (lines: string[]) => void,
): Promise<void> {
  for (;;) {
    const { offset } = file;
    const { status, body } = await http(url, {
      headers: { range: `bytes=${offset}-${offset + PIECE - 1}` },
      timeoutMs: PIECE_TIMEOUT_MS,
      ...(signal && { signal }),
    });
    // Nothing new (416), or nothing written yet.
    if (status === 416 || status === 404) return;
    if (status !== 200 && status !== 206) {
      // Most likely the signature holds no longer: whoever reads again after a failure asks for a new one.
      throw failure(
        'http-failed',
        `the log ${new URL(url).pathname} was answered with ${status}`,
        'Look at it in the studio.',
      );
    }
    // Who does not know ranges sends all of it.
    const piece = status === 206 ? body : body.subarray(offset);
    file.offset += piece.length;
    tell(file.lines.add(piece));
    if (status === 200 || piece.length < PIECE) return;
  }
}
