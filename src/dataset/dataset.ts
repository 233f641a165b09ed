import { type DatasetFile, manifestBytes, manifestDigest } from './manifest.ts';

/** Files that a training reads, named by the digest of their manifest. */
export interface Dataset {
  digest: string;
  /** Number of files; a folder that DVC recorded counts as one. */
  files: number;
  /** Sum of the files' sizes. */
  bytes: number;
  /** Paths in the manifest whose content is not on this machine (Git LFS pointers). */
  absent: readonly string[];
  manifest(): Promise<Uint8Array>;
}

/** The dataset that consists of these files. */
export function datasetOf(files: readonly DatasetFile[], absent: readonly string[] = []): Dataset {
  const manifest = manifestBytes(files);
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  return {
    digest: manifestDigest(manifest),
    files: files.length,
    bytes,
    absent,
    manifest: () => Promise.resolve(manifest),
  };
}
