import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname } from 'node:path';

/** Serves a bare repository by git's smart protocol, through git's own CGI program (git-http-backend). */
export async function serveGit(
  folder: string,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  user: string | undefined,
): Promise<void> {
  const { pathname, searchParams } = new URL(path, 'http://github.test');
  const { headers } = request;
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: dirname(folder),
      GIT_HTTP_EXPORT_ALL: '1',
      // For the hook that protects the default branch, which local pushes of a test pass by.
      EDGELOOP_STAND_IN: '1',
      REQUEST_METHOD: request.method,
      PATH_INFO: pathname,
      QUERY_STRING: searchParams.toString(),
      CONTENT_TYPE: headers['content-type'] ?? '',
      ...(headers['content-length'] !== undefined && { CONTENT_LENGTH: headers['content-length'] }),
      ...(headers['content-encoding'] !== undefined && {
        HTTP_CONTENT_ENCODING: headers['content-encoding'],
      }),
      ...(typeof headers['git-protocol'] === 'string' && { GIT_PROTOCOL: headers['git-protocol'] }),
      ...(user !== undefined && { REMOTE_USER: user }),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  let head = '';
  for await (const chunk of child.stdout) {
    if (response.headersSent) {
      response.write(chunk);
      continue;
    }
    head += chunk.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) continue;
    const lines = head.slice(0, end).split('\r\n');
    const given = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    const { status = '200', ...rest } = Object.fromEntries(given);
    response.writeHead(Number.parseInt(status, 10), rest);
    response.write(Buffer.from(head.slice(end + 4), 'latin1'));
  }
  response.end();
}
