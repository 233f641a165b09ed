import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Certificate } from '../fixtures/certificates.ts';

/** A server on a free loopback port. */
export interface TlsServer {
  /** `https://127.0.0.1:PORT`. */
  url: string;
  stop(): Promise<void>;
}

/** Serves with a certificate for 127.0.0.1; a listener that fails ends its connection, and `stop` throws why. */
export async function serveTls(
  tls: Certificate,
  listener: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void,
): Promise<TlsServer> {
  const errors: unknown[] = [];
  const server = createServer(
    { key: readFileSync(tls.key), cert: readFileSync(tls.certificate) },
    async (request, response) => {
      try {
        await listener(request, response);
      } catch (error) {
        errors.push(error);
        response.destroy();
      }
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    async stop() {
      const closed = once(server, 'close');
      server.close().closeAllConnections();
      await closed;
      if (errors.length > 0) throw new AggregateError(errors, 'a stand-in failed');
    },
  };
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
