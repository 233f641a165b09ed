import { relative } from 'node:path';
import * as core from '@actions/core';
import { cancellable } from '../cancellable.ts';
import { EdgeloopError, messageOf, type Place } from '../errors.ts';
import { keepGarbageSmall } from '../small-garbage.ts';
import { actionLog } from './log.ts';

export interface ActionContext {
  cwd: string;
  /** The step's own, with the token of its input `github-token`. */
  environment: NodeJS.ProcessEnv;
  log: ReturnType<typeof actionLog>;
  /** Aborts when the run is cancelled: the runner sends SIGINT, SIGTERM after 7.5 s, SIGKILL after 10. */
  signal: AbortSignal;
}

/**
 * Runs an action. What fails becomes an annotation and the step's exit code (DESIGN 8.1); an expected error has no
 * stack.
 */
export async function runAction(action: (context: ActionContext) => Promise<void>): Promise<void> {
  keepGarbageSmall();
  const password = process.env['EDGELOOP_REGISTRY_PASSWORD'];
  if (password) core.setSecret(password);
  const token = core.getInput('github-token');
  const environment = { ...process.env, ...(token !== '' && { GITHUB_TOKEN: token }) };
  const cwd = process.env['GITHUB_WORKSPACE'] || process.cwd();
  const log = actionLog();
  try {
    await cancellable((signal) => action({ cwd, environment, log, signal }));
  } catch (error) {
    process.exitCode = reportError(error);
    // A request of an SDK that takes no signal would keep the process from ending.
    if (error instanceof EdgeloopError && error.code === 'cancelled') process.exit();
  }
}

/** Annotates an error, at its places where it has some, and returns the exit code. */
function reportError(error: unknown): number {
  if (!(error instanceof EdgeloopError)) {
    core.error(messageOf(error), { title: 'Edgeloop: a bug' });
    core.error(error instanceof Error ? (error.stack ?? '') : '', {
      title: 'Please report it with these lines',
    });
    return 1;
  }
  const title = `Edgeloop: ${error.code}`;
  const message = `${messageOf(error)}\n${error.remedy}`;
  const places = error.places ?? [];
  const [only] = places.length === 1 ? places : [];
  // Of several places each has words of its own, which the message repeats.
  if (only === undefined) for (const place of places) core.error(place.message, at(place, title));
  core.error(message, only === undefined ? { title } : at(only, title));
  return error.exitCode;
}

/** GitHub shows it at that line, if the file is in the checkout. */
function at({ file, line, column }: Place, title: string): core.AnnotationProperties {
  const root = process.env['GITHUB_WORKSPACE'] || process.cwd();
  return {
    title,
    file: relative(root, file),
    startLine: line,
    ...(column !== undefined && { startColumn: column }),
  };
}
