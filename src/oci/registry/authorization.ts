import type { Authorization } from './authorization-types.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { type Identity, type IdentitySettings, identityOf, unauthorized } from './identity.ts';
import { type GetHeader, type ScopeHeader, scopeHeader } from './scope-header.ts';
import type { TokenSettings } from './token-requests.ts';
import { basicHeader, tokenSource } from './tokens.ts';

export interface AuthorizationSettings extends IdentitySettings, TokenSettings {
  /** Milliseconds; the system's clock by default. */
  now?: () => number;
}

/**
 * Who we are to one registry, sent only after it has asked for it. `challenged` resolves with false when the registry
 * asks for nothing that is known here, and throws `registry-unauthorized` when the best that could be sent has just been
 * refused. Both functions throw what `tokenSource` throws.
 */
export function authorization(settings: AuthorizationSettings): Authorization {
  const { host, now = Date.now } = settings;
  const identity = identityOf(settings);
  const getterFor = headerSource(settings, identity);
  const headers = new Map<string, ScopeHeader>();
  let learned: GetHeader | undefined;

  const headerOf = (scope: string): ScopeHeader => {
    const header = headers.get(scope) ?? scopeHeader(scope, now);
    headers.set(scope, header);
    return header;
  };

  return {
    header: (scope) => headerOf(scope).take(learned),
    async challenged(scope, wwwAuthenticate) {
      const offered = parseChallenges(wwwAuthenticate);
      if (offered.length === 0) return false;
      const challenge = choose(offered, identity);
      if (challenge === undefined)
        throw unauthorized(host, identity, scope, 'asks for a password, and refused');
      learned = getterFor(challenge);
      if (await headerOf(scope).replace(challenge.scope, learned)) return true;
      throw unauthorized(host, identity, scope);
    },
  };
}

function headerSource(settings: TokenSettings, identity: Identity): (challenge: Challenge) => GetHeader {
  const getToken = tokenSource(settings, identity);
  return (challenge) => async (scope) => {
    if (challenge.scheme === 'basic' && identity.kind === 'basic')
      return { header: basicHeader(identity), lifetimeMs: Infinity };
    const { token, lifetimeMs } = await getToken(challenge, scope);
    return { header: `Bearer ${token}`, lifetimeMs };
  };
}

/** A token rather than the password itself, where there is a choice. */
function choose(offered: readonly Challenge[], identity: Identity): Challenge | undefined {
  return (
    offered.find(({ scheme }) => scheme === 'bearer') ??
    (identity.kind === 'basic' ? offered.find(({ scheme }) => scheme === 'basic') : undefined)
  );
}
