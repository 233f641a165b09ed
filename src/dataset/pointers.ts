import { z } from 'zod';
import { parse } from 'yaml';
import { failure } from '../errors.ts';
import type { DatasetFile } from './manifest.ts';

/** A Git LFS pointer is shorter than this (git-lfs spec v1.6, "The pointer"). */
const LONGEST_POINTER = 1024;

const LFS =
  /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:ext-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize (\d+)\n/;

/**
 * What a Git LFS pointer stands for (git-lfs docs/spec.md), or `undefined` for any other content. The content itself
 * has the same name in a manifest, so that a clone that has fetched it and one that has not plan the same.
 */
export function readLfsPointer(bytes: Uint8Array): { sha256: string; size: number } | undefined {
  if (bytes.byteLength >= LONGEST_POINTER) return undefined;
  const [, sha256, size] = LFS.exec(Buffer.from(bytes).toString('latin1')) ?? [];
  return sha256 === undefined ? undefined : { sha256, size: Number(size) };
}

const dvcSchema = z.looseObject({
  outs: z
    .array(
      z.looseObject({
        path: z.string(),
        md5: z.string().regex(/^[0-9a-f]{32}(\.dir)?$/),
        size: z.int().nonnegative().default(0),
      }),
    )
    .length(1),
});

/**
 * What a DVC file (`NAME.dvc`) records of the file or folder beside it: the MD5 that DVC gave it. Throws
 * `dvc-file-invalid`.
 */
export function readDvcFile(
  file: string,
  text: string,
): Pick<DatasetFile, 'md5' | 'size'> & { path: string } {
  try {
    const [out] = dvcSchema.parse(parse(text)).outs;
    if (out === undefined) throw new Error('it has no "outs"');
    return { path: out.path, md5: out.md5, size: out.size };
  } catch (error) {
    throw failure(
      'dvc-file-invalid',
      `${file} does not record one output with its md5, as \`dvc add\` writes it`,
      'Add the data again with `dvc add`, or name the data without DVC.',
      { cause: error },
    );
  }
}
