import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface ConnectProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  host: string;
  /** Every CONNECT that was asked for, with its `Proxy-Authorization`. */
  tunnels: { to: string; authorization: string | undefined }[];
  stop(): Promise<void>;
}

export interface ConnectProxySettings {
  /** Where a name leads to, `HOST:PORT` to `HOST:PORT` on loopback. What is not here is answered with 502. */
  names?: Record<string, string>;
  /** Asks everybody for this account. */
  login?: { username: string; password: string };
  /** Answers every CONNECT with this instead. */
  refuse?: number;
}

/** An HTTP proxy that only opens tunnels (RFC 9110 9.3.6), as company networks have them. */
export async function startConnectProxy(settings: ConnectProxySettings): Promise<ConnectProxy> {
  const { names = {}, login, refuse } = settings;
  const expected = login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
  const tunnels: ConnectProxy['tunnels'] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_, response) => void response.writeHead(501).end());
  server.on('connection', (socket) => void sockets.add(socket));
  server.on('connect', (request, client, head) => {
    const to = request.url ?? '';
    const authorization = request.headers['proxy-authorization'];
    tunnels.push({ to, authorization });
    client.on('error', () => {});
    const target = names[to];
    const status = refuse ?? (expected !== authorization && expected !== undefined ? 407 : 502);
    if (refuse !== undefined || status === 407 || target === undefined) {
      client.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${target}`);
    const upstream = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    sockets.add(upstream);
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const host = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const stop = async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { host, tunnels, stop, [Symbol.asyncDispose]: stop };
}
