import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { EdgeloopError, failure, messageOf } from '../errors.ts';
import { createLog, type LogLevel } from './log.ts';

/** The options that every verb takes. */
export interface CommonOptions {
  config?: string;
  json?: boolean;
  logLevel: LogLevel;
}

export interface VerbContext {
  cwd: string;
  environment: NodeJS.ProcessEnv;
  log: ReturnType<typeof createLog>;
  /** Aborts at SIGINT and SIGTERM. */
  signal: AbortSignal;
}

/** What a verb has to say: one JSON object, and the same for people. Exit code 0 unless said otherwise. */
export interface Outcome {
  json: object;
  text: string;
  exitCode?: number;
}

/**
 * Runs a verb, prints its outcome or its error, and sets the exit code (DESIGN 8.1). A verb that prints for itself
 * while it runs returns nothing.
 */
export async function runVerb(
  options: CommonOptions,
  verb: (context: VerbContext) => Promise<Outcome | undefined>,
): Promise<void> {
  const controller = new AbortController();
  let signals = 0;
  const cancel = () => {
    signals += 1;
    if (signals === 2) process.exit(130);
    controller.abort(
      failure('cancelled', 'cancelled', 'Run the same command again; it goes on where it can.'),
    );
  };
  process.on('SIGINT', cancel);
  process.on('SIGTERM', cancel);
  const log = createLog(options.logLevel, { json: false });
  try {
    const outcome = await verb({
      cwd: process.cwd(),
      environment: process.env,
      log,
      signal: controller.signal,
    });
    if (outcome !== undefined) printOutcome(outcome, options.json === true);
    process.exitCode = outcome?.exitCode ?? 0;
  } catch (error) {
    // Ctrl-C in a terminal reaches what was started too, and its end may be noticed first.
    if (endedBySignal(error))
      await sleep(SIGNAL_MS, undefined, { signal: controller.signal }).catch(() => {});
    // What fails after the user has cancelled fails for that reason, whatever words it finds for it.
    const cancelled = controller.signal.aborted && error instanceof EdgeloopError;
    process.exitCode = printError(cancelled ? controller.signal.reason : error, options.json === true);
  } finally {
    process.off('SIGINT', cancel);
    process.off('SIGTERM', cancel);
  }
}

/** How much later than what it started a program may get the same Ctrl-C. */
const SIGNAL_MS = 250;

function endedBySignal(error: unknown): boolean {
  return error instanceof EdgeloopError && /\bwas ended by SIG(INT|TERM)\b/.test(error.message);
}

/** Prints an error and returns its exit code. An expected one has no stack; anything else is a bug and shows it. */
export function printError(error: unknown, json: boolean): number {
  const expected = error instanceof EdgeloopError ? error : undefined;
  const code = expected?.code ?? 'internal-error';
  const remedy = expected?.remedy ?? 'This is a bug of Edgeloop: please report it with the lines above.';
  const message = messageOf(error);
  const stack = expected === undefined && error instanceof Error ? `${error.stack ?? ''}\n` : '';
  const head = styleText('red', `error[${code}]`, { stream: process.stderr });
  process.stderr.write(
    `${stack}${head}: ${message}\n  ${styleText('dim', remedy, { stream: process.stderr })}\n`,
  );
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, remedy } })}\n`);
  return expected?.exitCode ?? 1;
}

/** Prints what a verb has to say. */
export function printOutcome({ json, text }: Outcome, asJson: boolean): void {
  const line = asJson ? JSON.stringify(json) : text.replace(/\n$/, '');
  if (line !== '') process.stdout.write(`${line}\n`);
}
