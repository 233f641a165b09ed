import { type KeyObject, verify } from 'node:crypto';
import { readJwt, seconds } from '../jwt.ts';
import { type Answer, armError, text } from './answer.ts';

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
  const claims = readJwt(token)?.claims;
  if (claims === undefined) return invalid('The access token is invalid.');
  const [, signed = '', signature = ''] = /^(.*)\.([^.]*)$/s.exec(token) ?? [];
  if (
    key !== undefined &&
    !verify('RSA-SHA256', Buffer.from(signed), key, Buffer.from(signature, 'base64url'))
  )
    return invalid('The access token has an invalid signature.');
  const given = text(claims['aud'])?.replace(/\/$/, '');
  if (given !== audience)
    return [
      'InvalidAuthenticationTokenAudience',
      `The access token has been obtained for wrong audience or resource '${given}'. It should exactly match one of the allowed audiences '${audience}'.`,
    ];
  const tenant = text(claims['iss']) ?? '';
  if (tenantId !== undefined && !tenant.includes(tenantId))
    return ['InvalidAuthenticationTokenTenant', 'The access token is from the wrong issuer.'];
  if (!(Number(claims['exp']) > seconds()))
    return [
      'ExpiredAuthenticationToken',
      'The access token expiry UTC time is earlier than current UTC time.',
    ];
  return undefined;
}
