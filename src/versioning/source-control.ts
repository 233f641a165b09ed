/** An annotated tag and what lies at its commit. */
export interface TagEntry {
  name: string;
  /** Id of the tag object itself, which never changes. */
  object: string;
  /** The commit that the tag names. */
  commit: string;
  /** When the tag was made, RFC 3339. */
  date: string;
  /** The tag's own message, not the commit's. */
  message: string;
  /** The bytes of the file that was asked for, as that commit has it; absent when it has none. */
  file?: Uint8Array;
}

export interface NewTag {
  name: string;
  commit: string;
  message: string;
}

/**
 * Where versions and channel moves are recorded: annotated tags, and files at the commits that they name. `git` and
 * `github` implement it; each method throws coded failures only. Paths are relative to the repository's top folder.
 */
export interface VersionHistory {
  /** Fetches the tags whose names begin with this from the remote `origin`, when there is one. */
  fetchTags(prefix: string): Promise<void>;
  /** The annotated tags known here whose names begin with this, with the file that `fileOf` names for each tag. */
  tags(prefix: string, fileOf?: (tag: string) => string | undefined): Promise<TagEntry[]>;
  /** Makes a commit on no branch: `parent` plus these files. The same arguments give the same commit. */
  commit(
    parent: string,
    files: { path: string; bytes: Uint8Array }[],
    message: string,
    date: Date,
  ): Promise<string>;
  /**
   * Creates an annotated tag, on `origin` first when there is one: the compare-and-swap. Returns false, and changes
   * nothing, when a tag of that name exists.
   */
  createTag(tag: NewTag): Promise<boolean>;
}

/** A tag as it is here and at `origin`: the tag objects' names, or `undefined` where there is no such tag. */
export interface TagPair {
  name: string;
  here: string | undefined;
  origin: string | undefined;
}

/** The files that are checked out here, and the commit that they are of. */
export interface SourceControl extends VersionHistory {
  /** Top folder of the working tree, absolute. */
  readonly top: string;
  /** The commit that was checked out when this was opened. Throws `git-no-commit` before the first one. */
  head(): Promise<string>;
  /** Who works here, as git knows them: `Ada <ada@example.com>`; `undefined` when it knows nobody. */
  who(): Promise<string | undefined>;
  /** Paths below these that differ from the checked-out commit, untracked ones included. */
  uncommitted(paths: readonly string[]): Promise<string[]>;
  /** Address of the remote `origin`, or `undefined`. */
  origin(): Promise<string | undefined>;
  /** A file's bytes at a commit, or `undefined`. */
  read(commit: string, path: string): Promise<Uint8Array | undefined>;
  /**
   * The tags here and at `origin` with these names, in which `*` stands for anything; `undefined` without an `origin`.
   * Reads only. Throws `git-failed` when it cannot be reached.
   */
  compareTags(names: readonly string[]): Promise<TagPair[] | undefined>;
  /** Fetches tags that are not here yet; never overwrites one that is. */
  fetchMissing(names: readonly string[]): Promise<void>;
}
