/** What a registry lets nobody move or delete, as it says itself. */
export interface LockState {
  /** What the tag names, or the manifest's own digest. */
  digest: string;
  isLocked: boolean;
}

/**
 * The locks of one repository, for registries that have some. Only an account that may lock may unlock. A `reference` is
 * a tag, or a digest for a manifest. All functions throw `registry-lock-refused`, which names the right that is missing.
 */
export interface Locks {
  /** `undefined` when there is no such tag or manifest. */
  read(reference: string): Promise<LockState | undefined>;
  /** All tags and manifests by their references, in a few requests however many there are. */
  list(): Promise<ReadonlyMap<string, LockState>>;
  /** Lets nobody move or delete it any more, and answers what the registry then says of it. It can be done twice. */
  lock(reference: string): Promise<LockState>;
}
