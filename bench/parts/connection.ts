import { connect, type Socket } from 'node:net';

export interface Answer {
  status: number;
  body: Buffer;
}

/** One kept-alive HTTP/1.1 connection, one request at a time. */
export interface Connection {
  /** Sends the bytes of a whole request. Rejects when the connection ends or nothing comes for ten seconds. */
  ask(request: Uint8Array): Promise<Answer>;
  /** False once either side closed it, a server for example that saw nothing on it for a while. */
  open(): boolean;
  close(): void;
}

/** How long an answer may take. */
export const TIMEOUT_MS = 10_000;

/**
 * A client that costs little: on a small machine it shares the processors with what it measures, and Node's own client
 * takes about as long for a request as the gateway. Reads answers that have a `content-length`, as the gateway's do.
 */
export async function openConnection(host: string, port: number): Promise<Connection> {
  const socket = await connected(host, port);
  let waiting: PromiseWithResolvers<Answer> | undefined;
  let received: Buffer = Buffer.alloc(0);
  const fail = (error: Error) => {
    waiting?.reject(error);
    waiting = undefined;
  };
  socket.setTimeout(TIMEOUT_MS, () => waiting && socket.destroy(new Error('no answer in ten seconds')));
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the connection was closed')));
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const answer = readAnswer(received);
    if (answer === undefined) return;
    const asked = waiting;
    waiting = undefined;
    received = Buffer.alloc(0);
    asked?.resolve(answer);
  });
  return {
    ask(request) {
      const asked = Promise.withResolvers<Answer>();
      if (socket.destroyed) return Promise.reject(new Error('the connection was closed'));
      waiting = asked;
      socket.write(request);
      return asked.promise;
    },
    open: () => !socket.destroyed && !socket.readableEnded,
    close: () => socket.destroy(),
  };
}

/** The bytes of a POST with a JSON body. */
export function postBytes(host: string, path: string, body: string): Buffer {
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function readAnswer(bytes: Buffer): Answer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? NaN);
  if (Number.isNaN(length)) throw new Error(`an answer without content-length: ${head}`);
  if (bytes.length < end + 4 + length) return undefined;
  return { status: Number(head.slice(9, 12)), body: bytes.subarray(end + 4, end + 4 + length) };
}

async function connected(host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return socket;
}
