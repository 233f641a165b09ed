import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { z } from 'zod';
import { EdgeloopError, failure, messageOf, misuse } from '../../src/errors.ts';
import { errorMessage } from '../messages.ts';

/** What the control socket offers; nothing else may change what is served. */
export interface ControlActions {
  status(): Promise<unknown>;
  /** Resolves when a poll that began after the call has ended. */
  poll(): Promise<unknown>;
  rollback(model: string): Promise<unknown>;
}

const BODY_LIMIT = 64 * 1024;

/** The control socket's path; Unix limits it to about 100 bytes. */
export function controlSocket(state: string): string {
  return join(state, 'control.sock');
}

/**
 * Listens on the control socket, mode 0600. The caller holds the state folder's lock, so a socket file that is there
 * belongs to nobody any more. Throws `control-socket-unusable`.
 */
export async function startControl(state: string, actions: ControlActions): Promise<Server> {
  const path = controlSocket(state);
  rmSync(path, { force: true });
  const server = createServer((request, response) => void answer(request, response, actions));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  // No moment in which others could connect: the mode of a new socket is what the umask leaves, and it is made at once.
  const before = process.umask(0o177);
  server.listen(path, resolve);
  process.umask(before);
  try {
    await promise;
    chmodSync(path, 0o600);
    return server;
  } catch (error) {
    throw failure(
      'control-socket-unusable',
      `cannot listen on ${path}: ${messageOf(error)}`,
      'Give the agent a state folder with a shorter path on a local disk with --state DIR.',
      { cause: error },
    );
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  actions: ControlActions,
): Promise<void> {
  try {
    reply(response, 200, await perform(request, actions));
  } catch (error) {
    reply(response, error instanceof EdgeloopError ? 400 : 500, errorMessage(error));
  }
}

async function perform(request: IncomingMessage, actions: ControlActions): Promise<unknown> {
  switch (`${request.method} ${request.url}`) {
    case 'GET /status':
      return actions.status();
    case 'POST /poll':
      return actions.poll();
    case 'POST /rollback': {
      const asked = z.strictObject({ model: z.string() }).safeParse(await jsonBody(request));
      if (asked.success) return actions.rollback(asked.data.model);
      throw misuse('request-invalid', 'the body is not {"model": NAME}', 'Name the model to roll back.');
    }
    default:
      throw misuse(
        'path-unknown',
        `the control socket has no ${request.method} ${request.url}`,
        'Use the same version of edgeloop for the agent and for `edgeloop device`.',
      );
  }
}

async function jsonBody(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > BODY_LIMIT) return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
