import { request } from 'node:http';
import { z } from 'zod';
import { EdgeloopError, failure, isSystemError, misuse } from '../../src/errors.ts';
import { controlSocket } from './control.ts';

const errorSchema = z.object({
  exitCode: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
});

/**
 * Asks the running agent of a state folder: `GET /status`, `POST /poll`, `POST /rollback {"model"}`. Resolves with its
 * JSON. Throws the agent's own coded error, `agent-not-running`, or `control-denied`.
 */
export async function controlRequest(
  state: string,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<unknown> {
  const { status, text } = await exchange(state, method, path, body);
  const answer: unknown = JSON.parse(text);
  if (status === 200) return answer;
  const { exitCode, code, message, remedy } = errorSchema.parse(answer);
  throw new EdgeloopError(exitCode, code, message, remedy);
}

async function exchange(state: string, method: string, path: string, body: unknown) {
  const socketPath = controlSocket(state);
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const call = request({ socketPath, method, path, agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => (text += chunk));
    response.once('error', reject);
    response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
  });
  call.once('error', reject);
  call.end(body === undefined ? undefined : JSON.stringify(body));
  try {
    return await promise;
  } catch (error) {
    if (isSystemError(error, 'EACCES', 'EPERM')) {
      throw misuse(
        'control-denied',
        `${socketPath} belongs to another user`,
        'Run it as the user that runs the agent.',
        {
          cause: error,
        },
      );
    }
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ECONNREFUSED', 'ECONNRESET', 'ENOTSOCK')) {
      throw failure(
        'agent-not-running',
        `no agent runs with the state folder ${state}`,
        'Start it with `edgeloop agent`, or name its state folder with --state DIR.',
        { cause: error },
      );
    }
    throw error;
  }
}
