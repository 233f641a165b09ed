import { failure } from '../../src/errors.ts';
import type { Holdings, OperationRequest } from '../messages.ts';
import type { HeldVersion, VersionSpec } from './held-version.ts';

/** What answers a model name: at any time at most three versions, each with a role. */
interface Roles {
  current?: HeldVersion;
  /** The version before, kept warm: it takes over while `current` restarts, and a rollback flips to it. */
  previous?: HeldVersion;
  /** Loaded, not yet serving. */
  loading?: HeldVersion;
}

export interface Slot {
  readonly model: string;
  /** The version that a request is bound to now, `wait` when its host is busy or restarting. */
  choose(version?: string): HeldVersion | 'wait' | 'unknown-version';
  /** A version that can be asked for: the current one or its warm predecessor. */
  find(version?: string): HeldVersion | undefined;
  /** True when some host would answer a request now. */
  ready(): boolean;
  holdings(): Holdings;
  load(spec: VersionSpec): Promise<HeldVersion>;
  held(digest: string): HeldVersion | undefined;
  arrange(roles: Omit<OperationRequest<'arrange'>, 'model'>): { swapped: boolean; ms: number };
  close(): Promise<void>;
}

export interface SlotDeps {
  hold(spec: VersionSpec): Promise<HeldVersion>;
  onChange(): void;
  onSwap(held: HeldVersion): void;
  onCloseFailed(held: HeldVersion, error: unknown): void;
}

/** A model name and the versions behind it. */
export function createSlot(model: string, deps: SlotDeps): Slot {
  let roles: Roles = {};
  let loadsBegun = 0;
  const ending = new Set<Promise<void>>();

  const all = () => [roles.current, roles.previous, roles.loading].filter((held) => held !== undefined);
  // The same bytes may be released twice: what was loaded last carries the version that is wanted.
  const held = (digest: string | undefined) => all().findLast((each) => each.spec.digest === digest);
  const end = (version: HeldVersion) => {
    const ended = version.close().catch((error: unknown) => deps.onCloseFailed(version, error));
    ending.add(ended);
    void ended.then(() => ending.delete(ended));
  };
  const find = (version?: string) =>
    version === undefined
      ? (roles.current ?? roles.previous)
      : [roles.current, roles.previous].find((each) => each?.spec.version === version);

  return {
    model,
    find,
    held,
    choose(version) {
      if (version !== undefined) {
        const asked = find(version);
        if (asked === undefined) return 'unknown-version';
        return asked.free() ? asked : 'wait';
      }
      const serving = roles.current?.up() === true ? roles.current : roles.previous;
      return serving?.free() === true ? serving : 'wait';
    },
    ready: () => roles.current?.up() === true || roles.previous?.up() === true,
    holdings: () => {
      const { current, previous, loading } = roles;
      return {
        ...(current === undefined ? {} : { current: current.report() }),
        ...(previous === undefined ? {} : { previous: previous.report() }),
        ...(loading === undefined ? {} : { loading: loading.report() }),
      };
    },
    async load(spec) {
      loadsBegun += 1;
      const mine = loadsBegun;
      const fresh = await deps.hold(spec);
      if (mine !== loadsBegun) {
        end(fresh);
        throw failure('load-superseded', `another version of "${model}" is being loaded`, 'Nothing to do.');
      }
      const { loading, ...others } = roles;
      if (loading !== undefined) end(loading);
      roles = { ...others, loading: fresh };
      return fresh;
    },
    arrange(wanted) {
      const began = performance.now();
      const before = { roles, versions: all() };
      const after = rolesOf(model, wanted, held);
      roles = after;
      // A load still under way belongs to nobody any more, unless it is the one that is wanted.
      if (wanted.loading === undefined) loadsBegun += 1;
      after.current?.supervise();
      after.previous?.supervise();
      const swapped = after.current !== before.roles.current;
      if (swapped && after.current !== undefined) deps.onSwap(after.current);
      for (const version of before.versions) if (!all().includes(version)) end(version);
      deps.onChange();
      return { swapped, ms: performance.now() - began };
    },
    async close() {
      loadsBegun += 1;
      for (const version of all()) end(version);
      await Promise.allSettled(ending);
    },
  };
}

function rolesOf(
  model: string,
  wanted: Omit<OperationRequest<'arrange'>, 'model'>,
  held: (digest: string) => HeldVersion | undefined,
): Roles {
  const roles: Roles = {};
  for (const role of ['current', 'previous', 'loading'] as const) {
    const digest = wanted[role];
    const version = digest === undefined ? undefined : held(digest);
    if (version !== undefined) roles[role] = version;
  }
  if (wanted.current !== undefined && roles.current === undefined) {
    throw failure(
      'version-not-loaded',
      `"${model}" has no session host for ${wanted.current}`,
      'The controller loads it first.',
    );
  }
  return roles;
}
