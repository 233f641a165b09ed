/** Exit codes of DESIGN 8.1: 1 failed, 2 wrong usage or configuration, 3 refused. */
export type ExitCode = 1 | 2 | 3;

/** A line of a file of the user's that an error speaks of. */
export interface Place {
  /** Absolute path. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column?: number;
  /** What is wrong there. */
  readonly message: string;
}

interface Details extends ErrorOptions {
  places?: readonly Place[];
}

/** An expected error: printed as message, remedy and code, never with a stack. Anything else that is thrown is a bug. */
export class EdgeloopError extends Error {
  override readonly name = 'EdgeloopError';
  readonly code: string;
  readonly exitCode: ExitCode;
  /** What the reader can do about it: one sentence, with a command where there is one. */
  readonly remedy: string;
  /** Where it can be mended; absent when that is not known. */
  readonly places?: readonly Place[];

  constructor(exitCode: ExitCode, code: string, message: string, remedy: string, options?: Details) {
    super(message, options);
    if (options?.places !== undefined) this.places = options.places;
    this.exitCode = exitCode;
    this.code = code;
    this.remedy = remedy;
  }
}

/** Something that was asked for could not be done: exit code 1. Codes are stable, `lower-kebab-case`. */
export function failure(code: string, message: string, remedy: string, options?: Details): EdgeloopError {
  return new EdgeloopError(1, code, message, remedy, options);
}

/** Wrong usage or a wrong configuration: exit code 2. */
export function misuse(code: string, message: string, remedy: string, options?: Details): EdgeloopError {
  return new EdgeloopError(2, code, message, remedy, options);
}

/** Refused by a gate, a budget, an attestation or a verification: exit code 3. */
export function refusal(code: string, message: string, remedy: string, options?: Details): EdgeloopError {
  return new EdgeloopError(3, code, message, remedy, options);
}

/** The message of anything that was thrown, with the messages of its causes. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`;
}

/** True when a Node system error has one of these codes (`ENOENT`, `EACCES`, ...). */
export function isSystemError(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
