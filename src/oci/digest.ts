import { createHash } from 'node:crypto';
import { failure } from '../errors.ts';

/** What identifies content: its digest and its length in bytes. */
export interface ContentIdentity {
  digest: string;
  size: number;
}

/** The digest of bytes in memory, `sha256:` and 64 hexadecimal digits. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A streaming hasher: feed it chunks, then take digest and length once. */
export function startDigest(): { update(chunk: Uint8Array): void; finish(): ContentIdentity } {
  const hash = createHash('sha256');
  let size = 0;
  return {
    update(chunk) {
      hash.update(chunk);
      size += chunk.byteLength;
    },
    finish: () => ({ digest: `sha256:${hash.digest('hex')}`, size }),
  };
}

/** Digest and length of a stream, which is read to its end. */
export async function digestOfStream(source: AsyncIterable<Uint8Array>): Promise<ContentIdentity> {
  const digest = startDigest();
  for await (const chunk of source) digest.update(chunk);
  return digest.finish();
}

/**
 * Passes a stream on and checks it on the way: `digest-mismatch` as soon as it is longer than promised, and at its
 * end when it is shorter or has another digest. `where` names the origin in the message.
 */
export async function* verified(
  source: AsyncIterable<Uint8Array>,
  expected: ContentIdentity,
  where: string,
  remedy: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const digest = startDigest();
  let seen = 0;
  for await (const chunk of source) {
    seen += chunk.byteLength;
    if (seen > expected.size) throw wrongSize(where, expected, `more than ${expected.size}`, remedy);
    digest.update(chunk);
    yield chunk;
  }
  if (seen !== expected.size) throw wrongSize(where, expected, `${seen}`, remedy);
  const actual = digest.finish().digest;
  if (actual !== expected.digest) {
    throw failure(
      'digest-mismatch',
      `${where} is damaged: it should be ${expected.digest} but is ${actual}`,
      remedy,
    );
  }
}

/** A stream without its first bytes. */
export async function* after(
  first: number,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = first;
  for await (const chunk of source) {
    const rest = chunk.subarray(Math.min(left, chunk.byteLength));
    left -= chunk.byteLength - rest.byteLength;
    if (rest.byteLength > 0) yield rest;
  }
}

/** A stream whose beginning is here already, and then what `rest` gives from its end on. */
export async function* continued(
  beginning: AsyncIterable<Uint8Array> | undefined,
  rest: (from: number) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let from = 0;
  if (beginning !== undefined) {
    for await (const chunk of beginning) {
      from += chunk.byteLength;
      yield chunk;
    }
  }
  yield* rest(from);
}

function wrongSize(where: string, expected: ContentIdentity, found: string, remedy: string): Error {
  return failure(
    'digest-mismatch',
    `${where} has ${found} bytes where ${expected.size} were promised (${expected.digest})`,
    remedy,
  );
}
