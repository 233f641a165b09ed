import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAuthority } from '../fixtures/certificates.ts';

/** What a registry must know of the issuer: distribution's `auth.token`. */
export interface TokenAuth {
  realm: string;
  service: string;
  issuer: string;
  rootcertbundle: string;
}

/** One request for a token. */
export interface TokenAsked {
  method: string;
  /** How the client has said who it is. */
  by: 'nobody' | 'basic' | 'password' | 'refresh_token';
  scopes: string[];
  status: number;
}

export interface TokenIssuer extends AsyncDisposable {
  auth: TokenAuth;
  asked: TokenAsked[];
  /** Every token that was given. */
  tokens: string[];
  /** How long from now the registry takes the next token, whatever the client is told; then an hour again. */
  nextLivesFor(ms: number): void;
  stop(): Promise<void>;
}

export interface IssuerSettings {
  username: string;
  password: string;
  /** Taken with the grant `refresh_token`. */
  refreshToken?: string;
  /** Repositories that anybody may pull. Default none. */
  anonymousPull?: RegExp;
  /** Repositories that the account gets nothing for. Default none. */
  denied?: RegExp;
  /** Repositories that the account may only pull. Default none. */
  readOnly?: RegExp;
}

/** Both registries take a token for a minute longer than it says. */
const LEEWAY_MS = 60_000;
const HOUR_MS = 3_600_000;
const SERVICE = 'registry.test';
const ISSUER = 'issuer.test';

/**
 * A token server as distribution specifies it ("Token Authentication", "OAuth2 Token Authentication"), whose tokens
 * real registries check: JWTs with ES256 that carry their certificate (`x5c`). It grants what of a scope is allowed.
 */
export async function startTokenIssuer(settings: IssuerSettings): Promise<TokenIssuer> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeloop-issuer-'));
  const { certificate, key } = await makeAuthority(folder);
  const privateKey = createPrivateKey(await readFile(key));
  const x5c = [new X509Certificate(await readFile(certificate)).raw.toString('base64')];
  const asked: TokenAsked[] = [];
  const tokens: string[] = [];
  let lifeMs = HOUR_MS;

  const tokenFor = (subject: string, access: Access[]): string => {
    const seconds = Math.floor(Date.now() / 1000);
    const exp = Math.floor((Date.now() + lifeMs - LEEWAY_MS) / 1000);
    const claims = { iss: ISSUER, sub: subject, aud: SERVICE, exp, nbf: seconds - 600, iat: seconds - 600 };
    lifeMs = HOUR_MS;
    const parts = [
      { typ: 'JWT', alg: 'ES256', x5c },
      { ...claims, jti: randomUUID(), access },
    ];
    const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    const token = `${text}.${signature.toString('base64url')}`;
    tokens.push(token);
    return token;
  };

  const server = createServer(async (request, response) => {
    const { by, scopes, known } = await questionOf(request, settings);
    const status = by === 'nobody' || known ? 200 : 401;
    asked.push({ method: request.method ?? '', by, scopes, status });
    if (status === 401) return void response.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
    const access = scopes.map((scope) => granted(scope, known, settings));
    const token = tokenFor(known ? settings.username : '', access);
    // A form is answered with `access_token`, a query with `token`.
    const name = request.method === 'POST' ? 'access_token' : 'token';
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ [name]: token, expires_in: HOUR_MS / 1000 }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const realm = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/token`;
  const stop = async () => {
    server.close().closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    auth: { realm, service: SERVICE, issuer: ISSUER, rootcertbundle: certificate },
    asked,
    tokens,
    nextLivesFor: (ms) => void (lifeMs = ms),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Access {
  type: string;
  name: string;
  actions: string[];
}

async function questionOf(
  request: IncomingMessage,
  { username, password, refreshToken }: IssuerSettings,
): Promise<{ by: TokenAsked['by']; scopes: string[]; known: boolean }> {
  const { searchParams } = new URL(request.url ?? '', 'http://issuer.test');
  if (request.method !== 'POST') {
    const { authorization } = request.headers;
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const by = authorization === undefined ? 'nobody' : 'basic';
    return { by, scopes: searchParams.getAll('scope'), known: authorization === basic };
  }
  const form = new URLSearchParams(Buffer.concat(await Array.fromAsync(request)).toString());
  const scopes = (form.get('scope') ?? '').split(' ').filter(Boolean);
  if (form.get('grant_type') === 'refresh_token') {
    const known = refreshToken !== undefined && form.get('refresh_token') === refreshToken;
    return { by: 'refresh_token', scopes, known };
  }
  const known = form.get('username') === username && form.get('password') === password;
  return { by: 'password', scopes, known };
}

function granted(scope: string, known: boolean, settings: IssuerSettings): Access {
  const [type = '', name = '', actions = ''] = scope.split(':');
  const { anonymousPull, readOnly, denied } = settings;
  const allowed = (action: string): boolean => {
    if (!known) return action === 'pull' && anonymousPull?.test(name) === true;
    if (denied?.test(name) === true) return false;
    return action === 'pull' || readOnly?.test(name) !== true;
  };
  return { type, name, actions: actions.split(',').filter(allowed) };
}
