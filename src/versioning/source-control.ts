/** An annotated tag and what lies at its commit. */
export interface TagEntry {
  name: string;
  /** The commit that the tag names. */
  commit: string;
  /** When the tag was made, RFC 3339. */
  date: string;
}

export interface NewTag {
  name: string;
  commit: string;
  message: string;
}

/**
 * What versioning needs of a source control system. `git` implements it; each method throws coded failures only.
 * Paths are relative to the repository's top folder.
 */
export interface SourceControl {
  /** Top folder of the working tree, absolute. */
  readonly top: string;
  /** The commit that was checked out when this was opened. Throws `git-no-commit` before the first one. */
  head(): Promise<string>;
  /** Paths below these that differ from the checked-out commit, untracked ones included. */
  uncommitted(paths: readonly string[]): Promise<string[]>;
  /** Fetches the tags whose names begin with this from the remote `origin`, when there is one. */
  fetchTags(prefix: string): Promise<void>;
  /** The annotated tags known here whose names begin with this. */
  tags(prefix: string): Promise<TagEntry[]>;
  /** A file's bytes at a commit, or `undefined`. */
  read(commit: string, path: string): Promise<Uint8Array | undefined>;
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
