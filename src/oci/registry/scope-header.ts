import { mergeScopes } from './scopes.ts';

/** Gets the `Authorization` header for a scope list, and how long it may be used. */
export type GetHeader = (scope: string) => Promise<{ header: string; lifetimeMs: number }>;

/** The `Authorization` header for one scope. */
export interface ScopeHeader {
  /** Hands out the header; without `get` only what there is already. */
  take(get: GetHeader | undefined): Promise<string | undefined>;
  /**
   * Told that what was handed out has been refused by a registry that asks for a scope list. Gets another header, once
   * for all who wait for it, and resolves with true; with false when what was refused is as new as can be.
   */
  replace(asked: string | undefined, get: GetHeader): Promise<boolean>;
}

interface Known {
  header: string;
  /** The scope list that it was got for. */
  scope: string;
  gotAt: number;
  usableUntil: number;
}

/** A token is not used in the last moments of its life. */
const MARGIN_MS = 10_000;
/** When a header that is not older is refused, another one will be too. */
const FRESH_MS = 10_000;

/** Keeps the header for one scope; `now` is in milliseconds. */
export function scopeHeader(ofScope: string, now: () => number): ScopeHeader {
  let scope = ofScope;
  let known: Known | undefined;
  let renewal: Promise<void> | undefined;
  // How often what there is now was handed out, and how many requests may still be under way with what there was before:
  // their refusal says nothing of the header that has been got in the meantime.
  let given = 0;
  let earlier = 0;

  const fetchWith = async (get: GetHeader): Promise<void> => {
    const start = now();
    const needed = scope;
    const { header, lifetimeMs } = await get(needed);
    known = { header, scope: needed, gotAt: now(), usableUntil: start + lifetimeMs - MARGIN_MS };
  };
  const renew = (get: GetHeader): Promise<void> => {
    if (renewal !== undefined) return renewal;
    earlier = given;
    given = 0;
    renewal = fetchWith(get).finally(() => (renewal = undefined));
    return renewal;
  };

  return {
    async take(get) {
      const isExpired = known !== undefined && now() >= known.usableUntil;
      if (isExpired) given = 0;
      if (get !== undefined && (known === undefined || isExpired || renewal !== undefined)) await renew(get);
      given++;
      return known?.header;
    },
    async replace(asked, get) {
      scope = mergeScopes(scope, asked);
      const isFresh = known?.scope === scope && now() - known.gotAt < FRESH_MS;
      if (isFresh && renewal === undefined && earlier === 0) return false;
      const renewed = isFresh ? renewal : renew(get);
      earlier = Math.max(0, earlier - 1);
      await renewed;
      return true;
    },
  };
}
