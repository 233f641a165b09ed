import { type ChildProcess, spawn } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { failure } from '../../errors.ts';

/** Every process that the quickstart started and that has not ended yet. */
export interface Processes {
  /** Runs a program to its end and returns its stdout; throws `step-failed` for an exit code that was not expected. */
  run(command: string, args: readonly string[], options: { cwd: string; expected?: number }): Promise<string>;
  /** Starts a program that goes on running; resolves with its first line on stdout. */
  start(command: string, args: readonly string[], options: { cwd: string }): Promise<Started>;
  /** Ends what is still running. */
  endAll(): Promise<void>;
}

/** A program that goes on running. Both ends resolve when it has ended. */
export interface Started {
  firstLine: string;
  pid: number;
  /** SIGTERM, and SIGKILL when that does not help. */
  end(): Promise<void>;
  /** SIGKILL at once. */
  kill(): Promise<void>;
}

const GRACE_MS = 10_000;
const KEPT_STDERR = 4000;

export function trackProcesses(signal: AbortSignal): Processes {
  const running = new Set<ChildProcess>();
  // Whatever ends this process without `endAll`, a closed pipe for example, must not leave an agent behind.
  const onExit = () => running.forEach((child) => child.kill('SIGTERM'));
  process.once('exit', onExit);
  const launch = (command: string, args: readonly string[], cwd: string) => {
    signal.throwIfAborted();
    // Trainings must find the Node that runs this, and no step may reach another registry than its own.
    const path = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`;
    const env: NodeJS.ProcessEnv = { ...process.env, PATH: path };
    delete env['EDGELOOP_REGISTRY'];
    const child = spawn(command, [...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    child.once('close', () => running.delete(child));
    child.once('error', () => running.delete(child));
    return { child, output: collect(child) };
  };

  return {
    async run(command, args, { cwd, expected = 0 }) {
      const { child, output } = launch(command, args, cwd);
      const code = await ended(child);
      signal.throwIfAborted();
      if (code === expected) return output.stdout;
      throw failure(
        'step-failed',
        `${[command, ...args].join(' ')} exited with ${code}, not ${expected}:\n${output.stderr}`,
        `Run it by hand in ${cwd}.`,
      );
    },
    async start(command, args, { cwd }) {
      const { child, output } = launch(command, args, cwd);
      const lines = createInterface({ input: child.stdout ?? failedStream() });
      const first = new Promise<string>((resolve) => lines.once('line', resolve));
      const closed = ended(child);
      const firstLine = await Promise.race([first, closed.then(() => undefined)]);
      signal.throwIfAborted();
      if (firstLine === undefined) {
        throw failure(
          'step-failed',
          `${[command, ...args].join(' ')} ended at once:\n${output.stderr}`,
          `Run it by hand in ${cwd}.`,
        );
      }
      return { firstLine, pid: child.pid ?? 0, end: () => end(child), kill: () => kill(child) };
    },
    async endAll() {
      await Promise.all([...running].map(end));
      process.off('exit', onExit);
    },
  };
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr?.on(
    'data',
    (chunk: Buffer) => (output.stderr = (output.stderr + chunk.toString()).slice(-KEPT_STDERR)),
  );
  return output;
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(
        failure('program-missing', `${child.spawnfile} cannot be run`, 'Install it, or put it on the PATH.', {
          cause,
        }),
      ),
    );
    child.once('close', resolve);
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await closed;
  clearTimeout(late);
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  // Not `close`: children that outlive it would hold its output open.
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

function failedStream(): never {
  throw new Error('the child was started without a pipe for stdout');
}
