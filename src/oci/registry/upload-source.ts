import { after, verified } from '../digest.ts';
import type { BlobSource } from '../repository.ts';

/** Counts the bytes of a blob that were handed to the network, those of earlier tries too. */
export interface Sent {
  bytes: number;
}

/**
 * A blob's bytes from `from` on, checked from its beginning. The last chunk is held back until the digest is known, so
 * that no registry is ever given the whole of something else.
 */
export async function* uploadStream(
  source: BlobSource,
  from: number,
  sent: Sent,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { descriptor } = source;
  const what = `what was to become blob ${descriptor.digest}`;
  const mend = 'Check that nothing changes the files while they are read, and run it again.';
  let held: Uint8Array | undefined;
  for await (const chunk of after(from, verified(source.open(), descriptor, what, mend))) {
    if (held !== undefined) yield* counted(held, sent);
    held = chunk;
  }
  if (held !== undefined) yield* counted(held, sent);
}

function* counted(chunk: Uint8Array, sent: Sent): Generator<Uint8Array, void, undefined> {
  sent.bytes += chunk.byteLength;
  yield chunk;
}
