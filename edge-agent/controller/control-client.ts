import { z } from 'zod';
import { EdgeloopError, failure, isSystemError, misuse } from '../../src/errors.ts';
import { http } from '../../src/http.ts';
import { controlSocket } from './control.ts';

const errorSchema = z.object({
  exitCode: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
});

/** A poll fetches what the channel names, over whatever line there is. */
const LONGEST_MS = 24 * 3_600_000;

/**
 * Asks the running agent of a state folder: `GET /status`, `POST /poll`, `POST /rollback {"model"}`. Resolves with its
 * JSON. Throws the agent's own coded error, `agent-not-running`, `control-denied`, or the signal's reason.
 */
export async function controlRequest(
  state: string,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<unknown> {
  const socketPath = controlSocket(state);
  const given = { ...(body !== undefined && { body }), ...(signal && { signal }) };
  const options = { method, socketPath, timeoutMs: LONGEST_MS, retries: 0, ...given };
  const { status, body: text } = await http(`http://agent${path}`, options).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw unreachable(state, socketPath, error);
  });
  const answer: unknown = JSON.parse(text.toString());
  if (status === 200) return answer;
  const { exitCode, code, message, remedy } = errorSchema.parse(answer);
  throw new EdgeloopError(exitCode, code, message, remedy);
}

function unreachable(state: string, socketPath: string, error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  if (isSystemError(cause, 'EACCES', 'EPERM')) {
    const message = `${socketPath} belongs to another user`;
    return misuse('control-denied', message, 'Run it as the user that runs the agent.', { cause });
  }
  if (!isSystemError(cause, 'ENOENT', 'ENOTDIR', 'ECONNREFUSED', 'ECONNRESET', 'ENOTSOCK')) return error;
  return failure(
    'agent-not-running',
    `no agent runs with the state folder ${state}`,
    'Start it with `edgeloop agent`, or name its state folder with --state DIR.',
    { cause },
  );
}
