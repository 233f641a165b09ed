import type { Descriptor } from './descriptor.ts';

/** A blob that can be streamed as often as needed: its bytes are the same each time. */
export interface BlobSource {
  descriptor: Descriptor;
  open(): AsyncIterable<Uint8Array>;
  /** The `name` of a repository that has it: on the same registry it is mounted from there instead of sent. */
  origin?: string;
}

/** How far a push or a pull is, in bytes of blobs. */
export interface TransferProgress {
  /** What is there, whether it travelled or not. */
  bytes: number;
  total: number;
}

export interface ReadBlobOptions {
  /** The blob's beginning, as far as it is here: it is delivered and checked with the rest, which alone is fetched. */
  beginning?: AsyncIterable<Uint8Array>;
  signal?: AbortSignal;
}

/**
 * One model's repository. Everything streams; a digest is checked while the bytes pass, so that an iteration that
 * ends without an error has delivered exactly the content that was asked for.
 */
export interface Repository {
  /** For messages: `oci:/path/churn` or `host/repository`. */
  readonly name: string;

  hasBlob(digest: string): Promise<boolean>;
  /** Streams a blob. Throws `blob-missing`, or `digest-mismatch` at the end of a damaged one. */
  readBlob(descriptor: Descriptor, options?: ReadBlobOptions): AsyncIterable<Uint8Array>;
  /**
   * Stores a blob unless it is there. `transferred` counts the bytes that had to move (0: it was there). An abort of
   * `signal` ends it with the signal's reason.
   */
  writeBlob(source: BlobSource, options?: { signal?: AbortSignal }): Promise<{ transferred: number }>;

  /** By digest or tag; `undefined` when there is none. At most 4 MiB. */
  readManifest(reference: string): Promise<{ descriptor: Descriptor; bytes: Uint8Array } | undefined>;
  /**
   * Stores a manifest or index by its digest, and names it when `tag` is given. A tag that names another digest is
   * moved only with `moveTag`; otherwise `tag-exists`. A manifest with a `subject` becomes one of its referrers.
   */
  writeManifest(bytes: Uint8Array, options?: { tag?: string; moveTag?: boolean }): Promise<Descriptor>;

  /** What a tag names; `undefined` when there is none. */
  resolve(tag: string): Promise<Descriptor | undefined>;
  /** All tags, sorted. Empty when the repository does not exist yet. */
  tags(): Promise<string[]>;
  /** Descriptors of the manifests whose `subject` is this digest, with their true artifact type. */
  referrers(digest: string, artifactType?: string): Promise<Descriptor[]>;
}

/** Where all models' repositories lie. */
export interface Registry {
  readonly name: string;
  repository(model: string): Repository;
}
