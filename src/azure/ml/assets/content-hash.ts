import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { LocalFile } from './local-files.ts';

/** Which rules `contentHash` follows. */
export const CONTENT_HASH_VERSION = '202208';

/**
 * The name of a folder's content as Azure ML's own tools compute it: SHA-256, in hex, over the number of files, their
 * paths and sizes, then their bytes, sorted by the path in lower case (azure-ai-ml, `_asset_utils.get_content_hash`).
 */
export async function contentHash(files: readonly LocalFile[]): Promise<string> {
  const sorted = files.toSorted((a, b) => Buffer.compare(keyOf(a), keyOf(b)));
  const hash = createHash('sha256').update(String(files.length));
  for (const { path, size } of sorted) hash.update(`#${path}#${size}`);
  for (const { file } of sorted) for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

const keyOf = ({ path }: LocalFile): Buffer => Buffer.from(path.toLowerCase());
