import { relative } from 'node:path';
import { styleText } from 'node:util';
import { cancellable } from '../cancellable.ts';
import { EdgeloopError, messageOf } from '../errors.ts';
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
  const log = createLog(options.logLevel, { json: false });
  const cwd = process.cwd();
  try {
    const outcome = await cancellable((signal) => verb({ cwd, environment: process.env, log, signal }));
    if (outcome !== undefined) printOutcome(outcome, options.json === true);
    process.exitCode = outcome?.exitCode ?? 0;
  } catch (error) {
    process.exitCode = printError(error, options.json === true);
    // A request of an SDK that takes no signal would keep the process from ending.
    if (error instanceof EdgeloopError && error.code === 'cancelled') process.exit();
  }
}

/**
 * Prints an error and returns its exit code. An expected one has no stack; anything else is a bug and shows it. In JSON
 * the files of its places are relative to the current folder.
 */
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
  if (json) {
    const places = expected?.places?.map((place) => ({
      ...place,
      file: relative(process.cwd(), place.file),
    }));
    const told = { code, message, remedy, ...(places && { places }) };
    process.stdout.write(`${JSON.stringify({ error: told })}\n`);
  }
  return expected?.exitCode ?? 1;
}

/** Prints what a verb has to say. */
export function printOutcome({ json, text }: Outcome, asJson: boolean): void {
  const line = asJson ? JSON.stringify(json) : text.replace(/\n$/, '');
  if (line !== '') process.stdout.write(`${line}\n`);
}
