import { createHash } from 'node:crypto';
import { z } from 'zod';
import { failure } from '../errors.ts';

/** One file of a dataset: POSIX path relative to the dataset's root, size in bytes, SHA-256 as 64 hex digits. */
export interface DatasetFile {
  path: string;
  sha256: string;
  size: number;
}

const lineSchema = z.strictObject({
  path: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.int().nonnegative(),
});

/**
 * The manifest that names a dataset: one line of canonical JSON (RFC 8785) per file, sorted by the bytes of the path.
 * The dataset's digest is the SHA-256 of these bytes. Specification: docs/input-key.md.
 */
export function manifestBytes(files: readonly DatasetFile[]): Uint8Array {
  const lines = files
    .toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
    .map(({ path, sha256, size }) => `${JSON.stringify({ path, sha256, size })}\n`);
  return Buffer.from(lines.join(''));
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
      return lineSchema.parse(JSON.parse(line));
    } catch (error) {
      throw failure(
        'manifest-invalid',
        `line ${index + 1} of the dataset manifest is not {"path","sha256","size"}`,
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
      return previous !== undefined && previous.sha256 !== file.sha256;
    }),
  };
}
