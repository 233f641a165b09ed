import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

export interface FakeArc extends AsyncDisposable {
  /** What Arc's agent puts into the environment of every service on a device. */
  environment: Record<string, string>;
  /** The resources that tokens were given for. */
  resources: string[];
  stop(): Promise<void>;
}

/** Microsoft's libraries read the key nowhere else. */
const KEYS = '/var/opt/azcmagent/tokens';

/** Whether its keys can be put where they must lie: that takes root. */
export function arcAvailable(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

/**
 * The identity endpoint of Azure Arc's agent on a device (Microsoft, "Authenticate against Azure resources with Azure
 * Arc-enabled servers"): it gives `token` to who can read a file that only root and the group himds may read, a new one for
 * each question.
 */
export async function startArc(token: () => string): Promise<FakeArc> {
  const made = mkdirSync(KEYS, { recursive: true, mode: 0o700 });
  const keys = new Map<string, string>();
  const resources: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://himds.test');
    const json = { 'content-type': 'application/json' };
    const isToken = url.pathname === '/metadata/identity/oauth2/token' && request.headers.metadata === 'true';
    if (!isToken || url.searchParams.get('api-version') === null)
      return void response.writeHead(400, json).end('{"error":"invalid_request"}');
    const { authorization } = request.headers;
    const file = [...keys].find(([, key]) => authorization === `Basic ${key}`)?.[0];
    if (file === undefined) {
      const challenge = join(KEYS, `${randomBytes(8).toString('hex')}.key`);
      keys.set(challenge, randomBytes(32).toString('base64url'));
      writeFileSync(challenge, keys.get(challenge) ?? '', { mode: 0o600 });
      return void response
        .writeHead(401, { ...json, 'www-authenticate': `Basic realm=${challenge}` })
        .end('{"error":"unauthorized_client"}');
    }
    // A key is good for one answer.
    keys.delete(file);
    rmSync(file);
    const resource = url.searchParams.get('resource') ?? '';
    resources.push(resource);
    const expires_on = `${Math.floor(Date.now() / 1000) + 3600}`;
    response
      .writeHead(200, json)
      .end(JSON.stringify({ access_token: token(), expires_on, resource, token_type: 'Bearer' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const stop = async () => {
    server.close().closeAllConnections();
    for (const file of keys.keys()) rmSync(file, { force: true });
    // What was there before stays.
    if (made !== undefined && readdirSync(KEYS).length === 0) {
      rmdirSync(KEYS);
      if (readdirSync(join(KEYS, '..')).length === 0 && made !== KEYS) rmdirSync(join(KEYS, '..'));
    }
  };
  return {
    environment: { IDENTITY_ENDPOINT: `${url}/metadata/identity/oauth2/token`, IMDS_ENDPOINT: url },
    resources,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
