import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { json } from 'node:stream/consumers';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { isSignedBy, readJwt, seconds } from './jwt.ts';

/** An application, or a user-assigned identity. */
export interface App {
  clientId: string;
  /** Whom it trusts to be it. */
  credentials: FederatedCredential[];
}

export interface FederatedCredential {
  issuer: string;
  subject: string;
  /** Default: `api://AzureADTokenExchange`. */
  audience?: string;
}

export type Refusal = [
  status: number,
  body: { error: string; error_description: string; error_codes: number[] },
];

const EXCHANGE = 'api://AzureADTokenExchange';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const MORE =
  'Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation';
const NO_RECORD = 'No matching federated identity record found for presented assertion';

const ERRORS: Record<number, [status: number, error: string]> = {
  50027: [400, 'invalid_request'],
  70002: [400, 'invalid_request'],
  70021: [400, 'invalid_request'],
  90002: [400, 'invalid_request'],
  500011: [400, 'invalid_resource'],
  700016: [400, 'unauthorized_client'],
};

/** An error as Entra writes it. */
export function refusal(code: number, message: string): Refusal {
  const [status, error] = ERRORS[code] ?? [401, 'invalid_client'];
  const trace = `Trace ID: ${randomUUID()} Correlation ID: ${randomUUID()} Timestamp: ${new Date().toISOString()}`;
  return [status, { error, error_description: `AADSTS${code}: ${message} ${trace}`, error_codes: [code] }];
}

/** What a request for a token is refused with, in the order in which Entra looks; `undefined` for a right one. */
export async function checkAssertion(
  form: URLSearchParams,
  { apps, tenantId, authority }: { apps: App[]; tenantId: string; authority: string | undefined },
): Promise<Refusal | undefined> {
  const clientId = form.get('client_id') ?? '';
  if (form.get('grant_type') !== 'client_credentials' || form.get('client_assertion_type') !== ASSERTION_TYPE)
    return refusal(70002, 'The request is missing a grant or the type of its assertion.');
  const app = apps.find((one) => one.clientId === clientId);
  if (app === undefined)
    return refusal(
      700016,
      `Application with identifier '${clientId}' was not found in the directory '${tenantId}'.`,
    );
  const assertion = form.get('client_assertion') ?? '';
  const token = readJwt(assertion);
  if (token === undefined) return refusal(50027, 'JWT token is invalid or malformed.');
  const { claims } = token;
  const matched = matchCredential(app, claims);
  if (matched !== undefined) return matched;
  const keys = await keysOf(String(claims['iss']), authority);
  if (!isSignedBy(assertion, keys)) return refusal(700027, 'Client assertion failed signature validation.');
  return checkTimes(claims);
}

function matchCredential({ credentials }: App, claims: Record<string, unknown>): Refusal | undefined {
  const [issuer, subject, audience] = ['iss', 'sub', 'aud'].map((name) => String(claims[name]));
  if (credentials.length === 0)
    return refusal(
      70021,
      `${NO_RECORD}. Assertion Issuer: '${issuer}'. Assertion Subject: '${subject}'. Assertion Audience: '${audience}'.`,
    );
  const byIssuer = credentials.filter((one) => one.issuer === issuer);
  if (byIssuer.length === 0) return refusal(700211, `${NO_RECORD} issuer '${issuer}'. ${MORE}`);
  const bySubject = byIssuer.filter((one) => one.subject === subject);
  if (bySubject.length === 0) {
    const but = byIssuer.some((one) => one.subject.toLowerCase() === String(subject).toLowerCase());
    // Since 2024 case matters, and a subject that differs in nothing else has a code of its own.
    return refusal(but ? 7002138 : 700213, `${NO_RECORD} subject '${subject}'. ${MORE}`);
  }
  const fits = bySubject.some((one) => (one.audience ?? EXCHANGE) === audience);
  return fits ? undefined : refusal(700212, `${NO_RECORD} audience '${audience}'. ${MORE}`);
}

const told = (value: number | undefined) => new Date((value ?? 0) * 1000).toISOString();

function checkTimes(claims: Record<string, unknown>): Refusal | undefined {
  const [from, to] = ['nbf', 'exp'].map((name) => Number(claims[name]));
  const now = seconds();
  if (from !== undefined && to !== undefined && from <= now && now < to) return undefined;
  return refusal(
    700024,
    `Client assertion is not within its valid time range. Current time: ${told(now)}, assertion valid from ${told(from)}, expiry time of assertion ${told(to)}.`,
  );
}

const keySet = z.object({ keys: z.array(z.looseObject({ kid: z.string(), kty: z.string() })) });

/** Asks an issuer for its keys, as Entra does. */
async function keysOf(issuer: string, authority: string | undefined) {
  const { jwks_uri: uri } = z
    .object({ jwks_uri: z.string() })
    .parse(await get(`${issuer}/.well-known/openid-configuration`, authority));
  return keySet.parse(await get(uri, authority)).keys;
}

async function get(url: string, authority: string | undefined): Promise<unknown> {
  const asked = request(url, authority === undefined ? {} : { ca: readFileSync(authority) });
  asked.end();
  const [response]: IncomingMessage[] = await once(asked, 'response');
  if (response?.statusCode !== 200) throw new Error(`${url} answered ${response?.statusCode}`);
  return json(response);
}
