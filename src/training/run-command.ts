import { spawn } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, join, sep } from 'node:path';
import { createInterface } from 'node:readline';
import { failure } from '../errors.ts';
import { killGroup } from '../kill-group.ts';
import { type BoundCommand, bindCommand } from './command.ts';
import { findErrorPlace } from './error-place.ts';
import { plainLine } from './plain-line.ts';
import { openTrainingLog } from './training-log.ts';

/** A command of the user's. */
export interface UserCommand {
  /** For messages: `training of churn`. */
  what: string;
  run: string;
  /** Where the command runs. */
  folder: string;
  /** The user's own folder, which is still there afterwards. */
  project: string;
  /** Values of `${{inputs.NAME}}`. */
  inputs: Record<string, string>;
  /** Values of `${{outputs.NAME}}`: absolute paths. */
  outputs: Record<string, string>;
  /** Absolute path of the file that gets all that it prints, also when it fails. */
  logFile: string;
  timeoutMs: number;
}

export interface CommandDeps {
  /** Called with the id of the command's process group. */
  onStart?: ((pid: number) => void) | undefined;
  /** Each line that the command prints, as it comes. */
  onLine: (line: string) => void;
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

export interface CommandResult {
  /** False when there is not one line in the log. */
  printed: boolean;
  /** Why the log is incomplete; undefined when it is not. */
  logProblem: unknown;
  /** Its last lines and where the others are, for a message. */
  tail: string;
}

// What a program needs to run at all; never a credential, a token or a connection string.
const ALLOWED_VARIABLES =
  /^(PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR|LD_LIBRARY_PATH|VIRTUAL_ENV|CUDA_VISIBLE_DEVICES|OMP_NUM_THREADS)$/;
// The training ends with Edgeloop, however Edgeloop ends: SIGKILL leaves it no time to do that itself. A watcher in the
// training's group reads a pipe that we hold open, and ends the group when the pipe closes. It is no child of the
// command, which may wait for all of its children, and ignores the signals that ask the training to end.
const WATCHED = `( ( trap '' HUP INT TERM; read -r _ <&3; kill -KILL 0 ) >/dev/null 2>&1 & )
exec 3<&-
exec /bin/sh -c "$1"`;
/** Those that a traceback is looked for in, and those that a message holds. */
const KEPT_LINES = 500;
const TOLD_LINES = 20;
const KEPT_CHARACTERS = 1000;
const GRACE_MS = 5000;
const DRAIN_MS = 1000;
/** A timer with more fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Runs a command of the user's on this machine, in its own process group, which ends with it. Throws
 * `<kind>-failed`, `<kind>-timeout`, `training-log-unwritable` or `cancelled`.
 */
export async function runCommand(
  kind: 'training' | 'predict',
  command: UserCommand,
  deps: CommandDeps,
): Promise<CommandResult> {
  const { what, timeoutMs, logFile, project, run } = command;
  const bound = bindCommand(run, command);
  const { code, signal, lines, ended, logProblem } = await runLogged(command, bound, deps);
  const told = lines.slice(-TOLD_LINES).join('\n  ');
  const last = lines.length === 0 ? 'It printed nothing' : `Its last lines:\n  ${told}`;
  const tail = `. ${last}\nAll of its lines are in ${logFile}`;
  if (ended === 'timeout') {
    throw failure(
      `${kind}-timeout`,
      `the ${what} took longer than ${timeoutMs / 1000} s${tail}`,
      'Raise "timeout" in edgeloop.yaml.',
    );
  }
  if (ended === 'cancelled')
    throw failure('cancelled', `the ${what} was cancelled`, 'Start it again when you are ready.');
  if (code === 0) return { printed: lines.length > 0, logProblem, tail };
  const how = code === null ? `was ended by ${signal}` : `exited with ${code}`;
  const place = placeOfError(lines, command);
  throw failure(
    `${kind}-failed`,
    `the ${what} ${how}${tail}`,
    `Run the command by hand in ${project}: ${run}`,
    place && { places: [place] },
  );
}

function placeOfError(lines: readonly string[], { folder, project }: UserCommand) {
  const inProject = realPath(project) + sep;
  const isFile = (path: string) => {
    const real = realPath(path);
    return real.startsWith(inProject) && statSync(real, { throwIfNoEntry: false })?.isFile() === true;
  };
  return findErrorPlace(lines, { folders: [folder, realPath(folder)], project, isFile });
}

/** Without links; as it is where nothing lies there, since a command may remove the folder that it runs in. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

interface GroupResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  lines: string[];
  ended: 'by itself' | 'timeout' | 'cancelled';
}

async function runLogged(
  command: UserCommand,
  bound: BoundCommand,
  deps: CommandDeps,
): Promise<GroupResult & { logProblem: unknown }> {
  const log = openTrainingLog(command.logFile);
  const onLine = (line: string) => {
    log.write(line);
    deps.onLine(line);
  };
  let logProblem: unknown;
  const result = await runGroup(command, bound, { ...deps, onLine }).finally(() => {
    logProblem = log.close();
  });
  return { ...result, logProblem };
}

async function runGroup(
  command: UserCommand,
  { script, variables }: BoundCommand,
  deps: CommandDeps,
): Promise<GroupResult> {
  const child = spawn('/bin/sh', ['-c', WATCHED, '/bin/sh', script], {
    cwd: command.folder,
    env: { ...allowed(deps.environment), ...variables },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  if (child.pid !== undefined) deps.onStart?.(child.pid);
  const lines: string[] = [];
  const keep = (line: string) => {
    lines.push(plainLine(line).slice(0, KEPT_CHARACTERS));
    if (lines.length > KEPT_LINES) lines.shift();
    deps.onLine(line);
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on('line', keep);
  }

  let ended: GroupResult['ended'] = 'by itself';
  let grace: NodeJS.Timeout | undefined;
  const end = (why: GroupResult['ended']) => {
    ended = why;
    killGroup(child.pid, 'SIGTERM');
    grace = setTimeout(() => killGroup(child.pid, 'SIGKILL'), GRACE_MS);
  };
  const limit = setTimeout(() => end('timeout'), Math.min(command.timeoutMs, LONGEST_TIMER_MS));
  const cancel = () => end('cancelled');
  deps.signal.addEventListener('abort', cancel, { once: true });
  if (deps.signal.aborted) cancel();
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (...result) => {
        // What the command left running must not outlive it, and it would keep the pipes open.
        killGroup(child.pid, 'SIGKILL');
        child.stdio[3]?.destroy();
        // A process that left the group may still hold the pipes: its output is not ours to wait for.
        const drain = setTimeout(() => {
          child.stdout?.destroy();
          child.stderr?.destroy();
        }, DRAIN_MS);
        child.once('close', () => {
          clearTimeout(drain);
          resolve(result);
        });
      });
    });
    return { code, signal, lines, ended };
  } finally {
    clearTimeout(limit);
    clearTimeout(grace);
    deps.signal.removeEventListener('abort', cancel);
  }
}

function allowed(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(
    Object.entries(environment).filter(([name]) => ALLOWED_VARIABLES.test(name)),
  );
  // `run: node train.ts` must mean the Node that runs Edgeloop, not an older one of the machine; `python3` the one of
  // the environment that is activated, not one that lies beside that Node.
  const activated = environment['VIRTUAL_ENV'];
  const first = activated === undefined ? [] : [join(activated, 'bin')];
  const path = [...first, dirname(process.execPath), ...(environment['PATH'] ?? '').split(delimiter)];
  return { ...kept, PATH: [...new Set(path)].filter(Boolean).join(delimiter) };
}
