import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Certificate } from '../fixtures/certificates.ts';

export interface EntraSettings {
  tenantId: string;
  clientId: string;
  /** The assertion that is taken; no other. */
  assertion: string;
}

export interface FakeEntra extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`, for `AZURE_AUTHORITY_HOST`. */
  url: string;
  /** Every token that was given. */
  tokens: string[];
  stop(): Promise<void>;
}

/**
 * An access token for Azure Storage as Entra writes one, but for its signature, which is none: for servers that only
 * read it, as Azurite does.
 */
export function storageToken(tenantId: string): string {
  return accessToken(tenantId, 'https://storage.azure.com');
}

/** The same for any audience; it lives for so many seconds. */
export function accessToken(tenantId: string, audience: string, lives = 3600): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    aud: audience,
    iss: `https://sts.windows.net/${tenantId}/`,
    iat: now - 60,
    nbf: now - 60,
    exp: now + lives,
  };
  const parts = [{ typ: 'JWT', alg: 'RS256' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  return [...parts, Buffer.from(randomUUID()).toString('base64url')].join('.');
}

/**
 * The two endpoints of Entra that a workload identity needs: the tenant's OpenID configuration and, with the client
 * credentials grant, its token endpoint. It compares the assertion with the one that it was told, and nothing more.
 */
export async function startEntra(tls: Certificate, settings: EntraSettings): Promise<FakeEntra> {
  const { tenantId, clientId, assertion } = settings;
  const tokens: string[] = [];
  let url = '';
  const server = createServer(
    { key: readFileSync(tls.key), cert: readFileSync(tls.certificate) },
    async (request, response) => {
      const form = new URLSearchParams(Buffer.concat(await Array.fromAsync(request)).toString());
      if (request.url?.startsWith(`/${tenantId}/v2.0/.well-known/openid-configuration`)) {
        const endpoint = (name: string) => `${url}/${tenantId}/oauth2/v2.0/${name}`;
        return answer(response, 200, {
          issuer: `${url}/${tenantId}/v2.0`,
          authorization_endpoint: endpoint('authorize'),
          token_endpoint: endpoint('token'),
          end_session_endpoint: endpoint('logout'),
          jwks_uri: endpoint('keys'),
        });
      }
      if (!request.url?.startsWith(`/${tenantId}/oauth2/v2.0/token`)) return answer(response, 404, {});
      const right =
        form.get('grant_type') === 'client_credentials' &&
        form.get('client_id') === clientId &&
        form.get('client_assertion') === assertion &&
        form.get('scope')?.split(' ').includes('https://storage.azure.com/.default') === true;
      if (!right) {
        return answer(response, 401, {
          error: 'invalid_client',
          error_description: 'AADSTS700213: No matching federated identity record found.\r\nTrace ID: 0',
          error_codes: [700213],
        });
      }
      const token = storageToken(tenantId);
      tokens.push(token);
      answer(response, 200, { token_type: 'Bearer', expires_in: 3599, access_token: token });
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const stop = async () => {
    const closed = once(server, 'close');
    server.close().closeAllConnections();
    await closed;
  };
  return { url, tokens, stop, [Symbol.asyncDispose]: stop };
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
