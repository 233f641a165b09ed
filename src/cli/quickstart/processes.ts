import { type ChildProcess, spawn } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { failure } from '../../errors.ts';

/** Every process that the quickstart started and that has not ended yet. */
export interface Processes {
  /** Runs a program to its end and returns its stdout; throws `step-failed` for an exit code that was not expected. */
  run(command: string, args: readonly string[], options: { cwd: string; expected?: number }): Promise<string>;
  /** Starts a program that goes on running; resolves with its first line on stdout. */
  start(
    command: string,
    args: readonly string[],
    options: { cwd: string },
  ): Promise<{ firstLine: string; end(): Promise<void> }>;
  /** Ends what is still running. */
  endAll(): Promise<void>;
}

const GRACE_MS = 10_000;
const KEPT_STDERR = 4000;

export function trackProcesses(signal: AbortSignal): Processes {
  const running = new Set<ChildProcess>();
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
      return { firstLine, end: () => end(child) };
    },
    async endAll() {
      await Promise.all([...running].map(end));
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
  const kill = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await closed;
  clearTimeout(kill);
}

function failedStream(): never {
  throw new Error('the child was started without a pipe for stdout');
}
