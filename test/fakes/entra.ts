import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { KeyObject } from 'node:crypto';
import type { Certificate } from '../fixtures/certificates.ts';
import { type App, checkAssertion, refusal, type Refusal } from './entra-assertion.ts';
import { encoded, isSignedBy, newSigner, readJwt, seconds } from './jwt.ts';
import { sendJson, serveTls } from './serve-tls.ts';

export interface EntraSettings {
  tenantId: string;
  /** Applications or user-assigned identities, each with its federated credentials. */
  apps: App[];
  /** Path of the certificate that vouches for issuers on loopback; without it those that this process trusts. */
  authority?: string;
}

export interface FakeEntra extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`, for `AZURE_AUTHORITY_HOST`. */
  url: string;
  tenantId: string;
  apps: App[];
  /** What its tokens are signed with. */
  key: KeyObject;
  /** How long its tokens live from now on; Entra's: 3,599. Clients ask again when less than five minutes are left. */
  livesSeconds: number;
  /** Every token that was given. */
  tokens: string[];
  /** Every question of the token endpoint, with the code of a refusal. */
  asked: { clientId: string; scope: string; assertion: string; refused: number | undefined }[];
  /** Whether a token is one of its own, for this audience, and has not expired. */
  hasGiven(token: string, audience: string): boolean;
  /** A token that the token endpoint would give, without asking it. */
  token(audience: string, lives?: number): string;
  stop(): Promise<void>;
}

/** What tokens are given for here: Resource Manager, run history and MLflow, Blob Storage, registries. */
export const AUDIENCES = [
  'https://management.azure.com',
  'https://ml.azure.com',
  'https://storage.azure.com',
  'https://containerregistry.azure.net',
];

/** An access token as Entra writes one, but for its signature, which is none: for servers that only read it. */
export function accessToken(tenantId: string, audience: string, lives = 3600): string {
  const parts = [{ typ: 'JWT', alg: 'RS256' }, claimsOf(tenantId, 'nobody', audience, lives)].map(encoded);
  return [...parts, Buffer.from(randomUUID()).toString('base64url')].join('.');
}

/** The same for Azure Storage. */
export const storageToken = (tenantId: string): string => accessToken(tenantId, 'https://storage.azure.com');

/**
 * A tenant of Entra, as far as workload identities ask it: OpenID configuration, keys, and the token endpoint with the
 * client credentials grant, which checks the assertion as Entra does.
 */
export async function startEntra(tls: Certificate, settings: EntraSettings): Promise<FakeEntra> {
  const { tenantId, apps, authority } = settings;
  const signer = newSigner('entra');
  const server = await serveTls(tls, async (request, response) => {
    const { pathname } = new URL(request.url ?? '', server.url);
    const [, tenant = '', rest] = /^\/([^/]+)\/(.+)$/.exec(pathname) ?? [];
    if (tenant !== tenantId) {
      const [status, body] = refusal(
        90002,
        `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`,
      );
      return sendJson(response, status, body);
    }
    if (rest === 'v2.0/.well-known/openid-configuration')
      return sendJson(response, 200, configuration(server.url, tenantId));
    if (rest === 'discovery/v2.0/keys') return sendJson(response, 200, { keys: [signer.jwk] });
    if (rest !== 'oauth2/v2.0/token') return sendJson(response, 404, {});
    const form = await formOf(request);
    const refused = await checkAssertion(form, { apps, tenantId, authority });
    const scope = form.get('scope') ?? '';
    const audience = AUDIENCES.find((one) => scope.split(' ').includes(`${one}/.default`));
    const wrong: Refusal | undefined =
      refused ??
      (audience === undefined
        ? refusal(
            500011,
            `The resource principal named ${scope} was not found in the tenant named ${tenantId}.`,
          )
        : undefined);
    entra.asked.push({
      clientId: form.get('client_id') ?? '',
      scope,
      assertion: form.get('client_assertion') ?? '',
      refused: wrong?.[1].error_codes[0],
    });
    if (wrong !== undefined) return sendJson(response, ...wrong);
    const claims = claimsOf(tenantId, form.get('client_id') ?? '', audience ?? '', entra.livesSeconds);
    const access_token = signer.sign(claims);
    entra.tokens.push(access_token);
    const lives = { expires_in: entra.livesSeconds, ext_expires_in: entra.livesSeconds };
    return sendJson(response, 200, { token_type: 'Bearer', ...lives, access_token });
  });
  const entra: FakeEntra = {
    url: server.url,
    tenantId,
    apps,
    key: signer.publicKey,
    livesSeconds: 3599,
    tokens: [],
    asked: [],
    hasGiven(token, audience) {
      const { claims } = readJwt(token) ?? {};
      return (
        isSignedBy(token, [signer.jwk]) && claims?.['aud'] === audience && Number(claims['exp']) > seconds()
      );
    },
    token: (audience, lives = 3599) => signer.sign(claimsOf(tenantId, 'nobody', audience, lives)),
    stop: server.stop,
    [Symbol.asyncDispose]: server.stop,
  };
  return entra;
}

function configuration(url: string, tenantId: string): object {
  const endpoint = (name: string) => `${url}/${tenantId}/oauth2/v2.0/${name}`;
  return {
    issuer: `${url}/${tenantId}/v2.0`,
    authorization_endpoint: endpoint('authorize'),
    token_endpoint: endpoint('token'),
    end_session_endpoint: endpoint('logout'),
    jwks_uri: `${url}/${tenantId}/discovery/v2.0/keys`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
  };
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  return new URLSearchParams(Buffer.concat(await Array.fromAsync(request)).toString());
}

function claimsOf(tenantId: string, clientId: string, audience: string, lives: number): object {
  const now = seconds();
  return {
    aud: audience,
    iss: `https://sts.windows.net/${tenantId}/`,
    iat: now,
    nbf: now - 60,
    exp: now + lives,
    appid: clientId,
    appidacr: '2',
    idtyp: 'app',
    oid: '00000000-0000-4000-8000-000000000005',
    sub: '00000000-0000-4000-8000-000000000005',
    tid: tenantId,
    uti: randomUUID(),
    ver: '1.0',
  };
}
