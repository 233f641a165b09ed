import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { type Authority, makeAuthority } from '../../fixtures/certificates.ts';
import { availableWithCertificates, startRegistry } from '../../fixtures/registries.ts';
import { startConnectProxy } from '../connect-proxy.ts';
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import { openStored, type Stored } from './attributes.ts';
import { neededFor, passContent } from './content.ts';
import { readDescription } from './description.ts';
import { type Answer, findRoute, refusal } from './routes.ts';
import { type Accounts, openAccounts, type Role } from './tokens.ts';

export interface Acr extends AsyncDisposable {
  /** `acme.azurecr.io`: reached by whoever has one of the environments, and by nobody else. */
  host: string;
  /** How a process reaches it: through a proxy that knows the name, with the authority that it has its certificate from. */
  environment: Record<string, string>;
  /** The same, and what `az acr login` leaves of an account with this role. */
  azLogin(role: Role): Promise<Record<string, string>>;
  /** The same, and user name and password of a token with these rights. */
  tokenLogin(role: Role): Record<string, string>;
  accounts: Accounts;
  /** What is stored, without asking: a test may unlock, move and delete with it. */
  stored: Stored;
  /** Where the real registry behind it stores blobs and repositories. */
  storage: string;
  /** Between the client and everything else: faults, and every request. */
  proxy: FaultProxy;
  /** Requests and answers that do not fit Microsoft's description; the end throws when there are any. */
  misfits: string[];
  stop(): Promise<void>;
}

const HOST = 'acme.azurecr.io';

/** Whether it can be started here; says so loudly when not, and throws under `CI=true`. */
export const acrAvailable = (): boolean => availableWithCertificates('docker-registry');

export interface AcrSettings {
  /** Issues its certificate; default: an authority of its own. */
  authority?: Authority;
  /** Which role an access token of Entra has here; default: only those of `accounts` have one. */
  entraRole?: (token: string) => Role | undefined;
  /** Role assignments for repositories (`AbacRepositoryPermissions`). */
  abac?: boolean;
}

/** Starts an Azure Container Registry: a real docker-registry behind Azure's tokens, attributes and locks, over TLS. */
export async function startAcr(settings: AcrSettings = {}): Promise<Acr> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeloop-acr-'));
  const authority = settings.authority ?? (await makeAuthority(folder));
  const { certificate, key } = await authority.issue('acr', `DNS:${HOST}`);
  const registry = await startRegistry('docker-registry', { relativeUrls: true });
  const stored = openStored(registry.storage);
  const accounts = openAccounts(settings.entraRole, settings.abac);
  const misfits: string[] = [];
  const describe = readDescription();
  const api = { stored, accounts, misfits, describe, registry: registry.url };
  const server = createServer((request, response) => {
    answer(api, request, response).catch((error: unknown) => response.destroy(new Error(String(error))));
  });
  const proxy = await startFaultProxy(`http://127.0.0.1:${await listen(server)}`);
  const tls = createTlsServer({ cert: await readFile(certificate), key: await readFile(key) });
  const sockets = passTo(tls, Number(new URL(proxy.url).port));
  const tunnels = await startConnectProxy({ names: { [`${HOST}:443`]: `127.0.0.1:${await listen(tls)}` } });
  const environment = {
    HTTPS_PROXY: `http://${tunnels.host}`,
    NODE_EXTRA_CA_CERTS: authority.certificate,
    DOCKER_CONFIG: join(folder, 'nobody'),
  };
  const stop = async () => {
    tls.close();
    for (const socket of sockets) socket.destroy();
    server.close().closeAllConnections();
    await tunnels.stop();
    await proxy.stop();
    await registry.stop();
    await rm(folder, { recursive: true, force: true });
    if (misfits.length > 0) throw new Error(`not as Microsoft describes it:\n${misfits.join('\n')}`);
  };
  return {
    host: HOST,
    environment,
    accounts,
    stored,
    storage: registry.storage,
    proxy,
    misfits,
    stop,
    [Symbol.asyncDispose]: stop,
    async azLogin(role) {
      const { refreshToken } = accounts.add(role);
      const docker = join(folder, `docker-${accounts.secrets.length}`);
      await mkdir(docker);
      const auth = Buffer.from('00000000-0000-0000-0000-000000000000:').toString('base64');
      const config = { auths: { [HOST]: { auth, identitytoken: refreshToken } } };
      await writeFile(join(docker, 'config.json'), JSON.stringify(config));
      return { ...environment, DOCKER_CONFIG: docker };
    },
    tokenLogin(role) {
      const { username, password } = accounts.add(role);
      return { ...environment, EDGELOOP_REGISTRY_USERNAME: username, EDGELOOP_REGISTRY_PASSWORD: password };
    },
  };
}

interface Api extends Pick<Acr, 'stored' | 'accounts' | 'misfits'> {
  describe: ReturnType<typeof readDescription>;
  registry: string;
}

async function answer(api: Api, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answered = await answerTo(api, request, response);
  if (answered === undefined) return;
  const headers = { 'content-type': 'application/json; charset=utf-8', ...answered.headers };
  response.writeHead(answered.status, headers);
  response.end(answered.body === undefined ? '' : JSON.stringify(answered.body));
}

/** `undefined` when the real registry has answered. */
async function answerTo(
  api: Api,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Answer | undefined> {
  const { method = '', url = '' } = request;
  const { pathname, searchParams: query } = new URL(url, `https://${HOST}`);
  const [, scheme, credential = ''] = /^(Bearer|Basic) (.+)$/.exec(request.headers.authorization ?? '') ?? [];
  if (pathname.startsWith('/v2/')) {
    const needed = neededFor(method, pathname);
    if (needed === undefined || !api.accounts.may(credential, needed.name, needed.action))
      return challenge(needed);
    return passContent(api, request, response);
  }
  const body = Buffer.concat(await Array.fromAsync(request)).toString();
  const asked = `${method} ${pathname}`;
  const found = findRoute(method, pathname);
  const isToken = ['POST /oauth2/exchange', 'POST /oauth2/token', 'GET /oauth2/token'].includes(asked);
  if (found === undefined && !isToken) {
    api.misfits.push(`${asked}: the stand-in has no such route`);
    return refusal(404, 'NOT_FOUND', 'not found');
  }
  const operation = api.describe(found?.route ?? asked);
  const wrong = operation.misfitsOfRequest({ query, contentType: request.headers['content-type'], body });
  if (wrong.length > 0) {
    api.misfits.push(...wrong.map((what) => `${asked}: ${what}`));
    return refusal(400, 'BAD_REQUEST', wrong.join('; '));
  }
  const decide = (): Answer => {
    if (found !== undefined) {
      const { name, action, reference } = found;
      if (!api.accounts.may(credential, name, action)) return challenge({ name, action });
      return found.answer({ stored: api.stored, registry: HOST, name, reference, query, body });
    }
    const basic = scheme === 'Basic' ? credential : undefined;
    const given = api.accounts.answer(asked, { query, form: new URLSearchParams(body), basic });
    return given === undefined
      ? refusal(401, 'UNAUTHORIZED', 'authentication required')
      : { status: 200, body: given };
  };
  const answered = decide();
  const misfitting =
    answered.body === undefined ? [] : operation.misfitsOfAnswer(answered.status, answered.body);
  api.misfits.push(...misfitting.map((what) => `${asked}: our ${what}`));
  return answered;
}

function challenge(needed: { name: string; action: string } | undefined): Answer {
  const action = needed?.action === 'push' ? 'pull,push' : needed?.action;
  const scope = needed === undefined ? '' : `,scope="repository:${needed.name}:${action}"`;
  const headers = {
    'www-authenticate': `Bearer realm="https://${HOST}/oauth2/token",service="${HOST}"${scope}`,
  };
  return { ...refusal(401, 'UNAUTHORIZED', 'authentication required'), headers };
}

/** Ends TLS and passes the bytes on. */
function passTo(tls: Server, port: number): Set<Socket> {
  const sockets = new Set<Socket>();
  tls.on('secureConnection', (socket: Socket) => {
    const inner = connect(port, '127.0.0.1');
    for (const one of [socket, inner]) sockets.add(one.on('error', () => {}));
    socket.on('close', () => inner.destroy());
    inner.on('close', () => socket.destroy());
    socket.pipe(inner).pipe(socket);
  });
  tls.on('tlsClientError', () => {});
  return sockets;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
