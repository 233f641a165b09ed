import type { StoredPath, TreeReader } from '../dataset/index.ts';

/** All of a repository as of one commit, or as it would be if everything that changed since were committed. */
export interface CodeSnapshot {
  /** What a path is there, or `undefined`. Paths are absolute, in the working tree. */
  find(paths: readonly string[]): Promise<(StoredPath | undefined)[]>;
  reader: TreeReader;
  /** Writes the files below these paths, or all but those, into an empty folder, as a checkout would. */
  exportTo(
    folder: string,
    which: { only: readonly string[] } | { without: readonly string[] },
    signal?: AbortSignal,
  ): Promise<void>;
  dispose(): Promise<void>;
}

/** What training needs of a source control system. `git` implements it; paths are absolute. */
export interface CodeHistory {
  /** Top folder of the working tree. */
  readonly top: string;
  /** Which of these paths hold on the disk exactly what the checked-out commit stores; false when in doubt. */
  unchanged(paths: readonly string[]): Promise<boolean[]>;
  /** Which of these paths are never committed. */
  ignores(paths: readonly string[]): Promise<string[]>;
  /** The commit that a branch, a tag or any other revision names. Throws `revision-unknown`. */
  revision(name: string): Promise<string>;
  snapshot(commit: string): CodeSnapshot;
  /** As it would be if all changes below these paths were committed, new files too. */
  snapshotOfChanges(paths: readonly string[]): Promise<CodeSnapshot>;
}
