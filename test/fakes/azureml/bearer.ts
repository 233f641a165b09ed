import { createVerify, type KeyObject } from 'node:crypto';
import { type Answer, armError, field, text } from './answer.ts';

/** Who may be here, by a bearer token of Entra. */
export interface Gate {
  /** What a request without the right token is told; `undefined` for one with it. */
  refuse(authorization: string | undefined, audience: string): Answer | undefined;
  /** From now on no token that was seen before is taken any more. */
  revoke(): void;
}

export interface GateOptions {
  tenantId: string | undefined;
  /** Entra's key; without it signatures are not looked at. */
  key: KeyObject | undefined;
  authority: string;
}

export function openGate({ tenantId, key, authority }: GateOptions): Gate {
  const seen = new Set<string>();
  const revoked = new Set<string>();
  const refused = (audience: string, code: string, message: string): Answer => ({
    ...armError(401, code, message),
    headers: {
      'www-authenticate': `Bearer authorization_uri="${authority}/${tenantId ?? 'common'}", error="invalid_token", error_description="${message}", resource="${audience}"`,
    },
  });
  return {
    revoke: () => {
      for (const token of seen) revoked.add(token);
    },
    refuse(authorization, audience) {
      const token = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1];
      if (token === undefined)
        return refused(
          audience,
          'AuthenticationFailed',
          `Authentication failed. The 'Authorization' header is missing.`,
        );
      const wrong = wrongWith(token, audience, tenantId, key);
      if (wrong !== undefined) return refused(audience, ...wrong);
      seen.add(token);
      if (revoked.has(token))
        return refused(audience, 'ExpiredAuthenticationToken', 'The access token has been revoked.');
      return undefined;
    },
  };
}

const invalid = (message: string): [string, string] => ['InvalidAuthenticationToken', message];

function wrongWith(
  token: string,
  audience: string,
  tenantId: string | undefined,
  key: KeyObject | undefined,
): [code: string, message: string] | undefined {
  const [head = '', body = '', signature = ''] = token.split('.');
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  } catch {
    return invalid('The access token is invalid.');
  }
  if (key !== undefined) {
    const verifier = createVerify('RSA-SHA256').update(`${head}.${body}`);
    if (!verifier.verify(key, Buffer.from(signature, 'base64url')))
      return invalid('The access token has an invalid signature.');
  }
  const given = text(field(claims, 'aud'))?.replace(/\/$/, '');
  if (given !== audience)
    return [
      'InvalidAuthenticationTokenAudience',
      `The access token has been obtained for wrong audience or resource '${given}'. It should exactly match one of the allowed audiences '${audience}'.`,
    ];
  const tenant = text(field(claims, 'iss')) ?? '';
  if (tenantId !== undefined && !tenant.includes(tenantId))
    return ['InvalidAuthenticationTokenTenant', 'The access token is from the wrong issuer.'];
  const seconds = Date.now() / 1000;
  const expires = Number(field(claims, 'exp'));
  if (!(expires > seconds))
    return [
      'ExpiredAuthenticationToken',
      'The access token expiry UTC time is earlier than current UTC time.',
    ];
  return undefined;
}
