import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { failure, isSystemError } from '../../errors.ts';
import { type Descriptor, type Index, indexSchema } from '../descriptor.ts';
import { removeAbandoned, replaceFile, streamOf } from '../durable-file.ts';
import { withLock } from '../../folder-lock.ts';
import { INCOMING_PREFIX } from './blobs.ts';
import { firstProblem } from '../manifest-reading.ts';
import { OCI_INDEX, REF_NAME } from '../media-types.ts';
import { tagExists } from '../tag-errors.ts';

const LOCK_FILE = 'index.json.lock';
const LOCK_LIMIT_MS = 30_000;
const layoutSchema = z.looseObject({ imageLayoutVersion: z.literal('1.0.0') });

/** The tag of an entry of `index.json`. */
export function tagOf(entry: Descriptor): string | undefined {
  return entry.annotations?.[REF_NAME];
}

/**
 * Reads a layout's `index.json`, again only when the file has changed; `undefined` when there is none yet, and
 * `layout-damaged` when it cannot be read. The file is always replaced, never changed, so its stamp tells.
 */
export function indexReader(folder: string): () => Promise<Index | undefined> {
  let last: { stamp: string; index: Index } | undefined;
  return async () => {
    const stamp = await stampOf(join(folder, 'index.json'));
    if (stamp === undefined) return undefined;
    if (last?.stamp !== stamp) {
      await readDocument(folder, 'oci-layout', layoutSchema);
      last = { stamp, index: await readDocument(folder, 'index.json', indexSchema) };
    }
    return last.index;
  };
}

/** Changes `index.json` in one step while no other process does; `edit` returns its argument when nothing changes. */
export async function editIndex(folder: string, edit: (index: Index) => Index): Promise<void> {
  await withLock(join(folder, LOCK_FILE), LOCK_LIMIT_MS, async () => {
    const read = indexReader(folder);
    const before = (await read()) ?? { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] };
    const after = edit(before);
    if (after === before) return;
    const bytes = new TextEncoder().encode(JSON.stringify(after));
    await replaceFile(folder, 'index.json', streamOf(bytes), INCOMING_PREFIX);
    await removeAbandoned(folder, INCOMING_PREFIX);
    await removeAbandoned(folder, `${LOCK_FILE}.`);
  });
}

/**
 * `index.json` with a manifest listed: under its tag, or untagged unless it is listed already. A tag that moves
 * leaves the old manifest listed, so that its referrers and other tools still find it. Throws `tag-exists`.
 */
export function listManifest(
  index: Index,
  descriptor: Descriptor,
  naming: { tag?: string; moveTag?: boolean },
  where: string,
): Index {
  const { tag } = naming;
  const listed = index.manifests.filter((entry) => entry.digest === descriptor.digest);
  if (tag === undefined) {
    return listed.length > 0 ? index : { ...index, manifests: [...index.manifests, descriptor] };
  }
  const current = index.manifests.find((entry) => tagOf(entry) === tag);
  if (current?.digest === descriptor.digest) return index;
  if (current !== undefined && naming.moveTag !== true)
    throw tagExists(where, tag, current.digest, descriptor);
  const untagged = listed.filter((entry) => tagOf(entry) === undefined);
  const rest = index.manifests.filter((entry) => entry !== current && !untagged.includes(entry));
  const annotations = { ...untagged[0]?.annotations, [REF_NAME]: tag };
  return {
    ...index,
    manifests: [...rest, ...keptUntagged(current, rest), { ...untagged[0], ...descriptor, annotations }],
  };
}

function keptUntagged(entry: Descriptor | undefined, rest: Descriptor[]): Descriptor[] {
  if (entry === undefined || rest.some((other) => other.digest === entry.digest)) return [];
  const { annotations, ...descriptor } = entry;
  const { [REF_NAME]: _, ...others } = annotations ?? {};
  return [Object.keys(others).length === 0 ? descriptor : { ...descriptor, annotations: others }];
}

async function stampOf(file: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs, ctimeNs, size } = await stat(file, { bigint: true });
    return `${ino} ${mtimeNs} ${ctimeNs} ${size}`;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

async function readDocument<T>(folder: string, name: string, schema: z.ZodType<T>): Promise<T> {
  const file = join(folder, name);
  try {
    const parsed = schema.safeParse(JSON.parse(await readFile(file, 'utf8')));
    if (parsed.success) return parsed.data;
    throw damaged(file, firstProblem(parsed.error));
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) throw damaged(file, 'it does not exist', error);
    if (error instanceof SyntaxError) throw damaged(file, 'it is not JSON', error);
    throw error;
  }
}

function damaged(file: string, problem: string, cause?: unknown): Error {
  return failure(
    'layout-damaged',
    `${file} is not what an OCI image layout has there: ${problem}`,
    `Restore ${file} from a copy, or move the folder aside and push again.`,
    cause === undefined ? undefined : { cause },
  );
}
