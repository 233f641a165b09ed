import { createHash } from 'node:crypto';
import { z } from 'zod';
import { failure } from '../errors.ts';

/**
 * One file of a dataset: POSIX path relative to the dataset's root, size in bytes, and what tells its content apart:
 * the SHA-256, or, for data that was recorded or listed by somebody else and was not read, their MD5, ETag or version id.
 */
export interface DatasetFile {
  path: string;
  size: number;
  /** 64 hex digits. */
  sha256?: string;
  /** 32 hex digits; DVC's of a folder end in `.dir`. */
  md5?: string;
  /** As the store sends it, without quotes. */
  etag?: string;
  /** The store's id of this version. */
  version?: string;
}

/** One line of a manifest. */
export const datasetFileSchema = z
  .strictObject({
    etag: z.string().min(1).exactOptional(),
    md5: z
      .string()
      .regex(/^[0-9a-f]{32}(\.dir)?$/)
      .exactOptional(),
    path: z.string().min(1),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .exactOptional(),
    size: z.int().nonnegative(),
    version: z.string().min(1).exactOptional(),
  })
  .refine(isIdentified, 'a file needs sha256, md5, etag or version');

/** True when something tells the file's content from any other. */
function isIdentified({ sha256, md5, etag, version }: DatasetFile): boolean {
  return [sha256, md5, etag, version].some((each) => each !== undefined);
}

/**
 * The manifest that names a dataset: one line of canonical JSON (RFC 8785) per file, sorted by the bytes of the path.
 * The dataset's digest is the SHA-256 of these bytes. Specification: docs/input-key.md.
 */
export function manifestBytes(files: readonly DatasetFile[]): Uint8Array {
  return Buffer.from(sortedByPath(files).map(lineOf).join(''));
}

function lineOf({ etag, md5, path, sha256, size, version }: DatasetFile): string {
  return `${JSON.stringify({ etag, md5, path, sha256, size, version })}\n`;
}

/** UTF-16 code units sort as UTF-8 bytes do, but for surrogates and what lies above them. */
const SORTS_OTHERWISE = /[\uD800-\uFFFF]/;

function sortedByPath(files: readonly DatasetFile[]): DatasetFile[] {
  if (!files.some(({ path }) => SORTS_OTHERWISE.test(path)))
    return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return files
    .map((file) => ({ file, bytes: Buffer.from(file.path) }))
    .toSorted((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ file }) => file);
}

/** `sha256:<hex>` of a manifest's bytes. */
export function manifestDigest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The files that a manifest lists. Throws `manifest-invalid` for anything that is not a manifest. */
export function parseManifest(bytes: Uint8Array): DatasetFile[] {
  const lines = new TextDecoder().decode(bytes).split('\n').slice(0, -1);
  return lines.map((line, index) => {
    try {
      return datasetFileSchema.parse(JSON.parse(line));
    } catch (error) {
      throw failure(
        'manifest-invalid',
        `line ${index + 1} of the dataset manifest is not {"path","size"} with "sha256", "md5", "etag" or "version"`,
        'The registry content is damaged; restore it or retrain.',
        { cause: error },
      );
    }
  });
}

export interface DatasetDifference {
  added: DatasetFile[];
  removed: DatasetFile[];
  modified: DatasetFile[];
}

/** What must be added to, removed from and modified in `before` to get `after`; a rename is one removed and one added. */
export function datasetDifference(
  before: readonly DatasetFile[],
  after: readonly DatasetFile[],
): DatasetDifference {
  const old = new Map(before.map((file) => [file.path, file]));
  const paths = new Set(after.map((file) => file.path));
  return {
    added: after.filter((file) => !old.has(file.path)),
    removed: before.filter((file) => !paths.has(file.path)),
    modified: after.filter((file) => {
      const previous = old.get(file.path);
      return previous !== undefined && lineOf(previous) !== lineOf(file);
    }),
  };
}
