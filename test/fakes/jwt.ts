import {
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';

/** A key pair that signs tokens, and what is published of it. */
export interface Signer {
  publicKey: KeyObject;
  /** As it stands in a JSON Web Key Set. */
  jwk: JsonWebKey & { kid: string; use: string; alg: string };
  /** A JSON Web Token, RS256. */
  sign(claims: object): string;
}

export function newSigner(kid: string): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    publicKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' },
    sign(claims) {
      const text = [{ typ: 'JWT', alg: 'RS256', kid, x5t: kid }, claims].map(encoded).join('.');
      return `${text}.${sign('RSA-SHA256', Buffer.from(text), privateKey).toString('base64url')}`;
    },
  };
}

/** Header and claims, whatever the signature; `undefined` for what is no token. */
export function readJwt(
  token: string,
): { header: Record<string, unknown>; claims: Record<string, unknown> } | undefined {
  const [header = '', claims = '', ...rest] = token.split('.');
  if (rest.length !== 1) return undefined;
  try {
    return { header: { ...decoded(header) }, claims: { ...decoded(claims) } };
  } catch {
    return undefined;
  }
}

/** Whether one of these keys has signed it. */
export function isSignedBy(token: string, keys: (JsonWebKey & { kid?: string })[]): boolean {
  const [, text = '', signature = ''] = /^(.*)\.([^.]*)$/s.exec(token) ?? [];
  const { header } = readJwt(token) ?? {};
  if (header?.['alg'] !== 'RS256') return false;
  return keys
    .filter(({ kid }) => kid === header['kid'])
    .some((key) =>
      verify(
        'RSA-SHA256',
        Buffer.from(text),
        createPublicKey({ key, format: 'jwk' }),
        Buffer.from(signature, 'base64url'),
      ),
    );
}

export function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function decoded(part: string): object {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
  if (typeof value !== 'object' || value === null) throw new Error('no object');
  return value;
}

/** Seconds since 1970, which tokens count in. */
export const seconds = (): number => Math.floor(Date.now() / 1000);
