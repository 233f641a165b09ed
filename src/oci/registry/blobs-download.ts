import { EdgeloopError, failure } from '../../errors.ts';
import { retryWaitMs } from '../../http.ts';
import { pause } from '../../pause.ts';
import { checkDigest, type Descriptor } from '../descriptor.ts';
import { after, continued, verified } from '../digest.ts';
import type { Place } from './endpoint.ts';
import { isPassing, mediaTypeOf, refuseHtml, registryError, unexpectedAnswer } from './registry-errors.ts';
import { type OpenAnswer, openRequest, request } from './requests.ts';

/** Tries in a row that bring not one byte before a download is given up. */
const MOST_FRUITLESS = 4;

interface Progress {
  delivered: number;
  /** False once the registry has refused a Range that it should have taken. */
  ranges: boolean;
}

/** True when the registry has the blob. */
export async function hasBlob(place: Place, digest: string, scope = place.pull): Promise<boolean> {
  checkDigest(digest);
  const what = `looking for blob ${digest} in ${place.name}`;
  const answer = await request(place.endpoint, { method: 'HEAD', url: place.url(`blobs/${digest}`), scope });
  if (answer.status === 404) return false;
  if (answer.status !== 200) throw registryError(answer, what);
  refuseHtml(answer, what);
  return true;
}

/**
 * Streams a blob and checks it; goes on at the end of its beginning that is here, and where it stopped when the
 * connection is cut. Throws `blob-missing` and `digest-mismatch`.
 */
export async function* readBlob(
  place: Place,
  descriptor: Descriptor,
  beginning?: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  checkDigest(descriptor.digest);
  const where = `blob ${descriptor.digest} of ${place.name}`;
  const chunks = continued(beginning, (from) => resumed(place, descriptor, from, where));
  yield* verified(chunks, descriptor, where, 'Push again what belongs there.');
}

async function* resumed(
  place: Place,
  descriptor: Descriptor,
  from: number,
  where: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const progress: Progress = { delivered: from, ranges: true };
  // A registry answers a Range that starts at the end with an error.
  if (from > 0 && from >= descriptor.size) return;
  for (let fruitless = 0; ;) {
    const before = progress.delivered;
    let waitMs: number | undefined;
    try {
      // Each time from the registry itself: an address that it redirects to may be valid for minutes only.
      const answer = await openBlob(place, descriptor, progress);
      waitMs = waitAsked(answer);
      const chunks = contentOf(place, answer, progress, where);
      for await (const chunk of chunks) {
        progress.delivered += chunk.byteLength;
        yield chunk;
      }
      if (progress.delivered >= descriptor.size || !isOpenEnded(answer)) return;
      if (progress.delivered === before && ++fruitless >= MOST_FRUITLESS) return;
    } catch (error) {
      place.endpoint.signal?.throwIfAborted();
      // A cut that takes the last byte's acknowledgement only leaves nothing to ask for.
      if (progress.delivered >= descriptor.size && progress.delivered > before) return;
      fruitless = progress.delivered > before ? 0 : fruitless + 1;
      if (!isCut(error) || fruitless >= MOST_FRUITLESS) throw givenUp(error, where, progress.delivered);
    }
    await pause(waitMs ?? retryWaitMs(fruitless), place.endpoint.signal);
  }
}

function openBlob(place: Place, { digest }: Descriptor, progress: Progress): Promise<OpenAnswer> {
  const resumes = progress.delivered > 0 && progress.ranges;
  return openRequest(place.endpoint, {
    url: place.url(`blobs/${digest}`),
    scope: place.pull,
    ...(resumes && { headers: { range: `bytes=${progress.delivered}-` } }),
  });
}

/** What comes after the bytes that were delivered, whichever way the registry answers. */
async function* contentOf(
  place: Place,
  answer: OpenAnswer,
  progress: Progress,
  where: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { status, stream } = answer;
  const what = `reading ${where}`;
  if (status === 416 && progress.ranges && progress.delivered > 0) {
    progress.ranges = false;
    throw failure('http-failed', `${what}: it has no bytes from ${progress.delivered} on`, 'Push it again.');
  }
  if (stream === undefined) throw refused(place, answer, what, where);
  const problem = problemOf(answer, progress);
  if (problem !== undefined) {
    answer.cancel();
    throw unexpectedAnswer(what, problem);
  }
  yield* after(status === 206 ? 0 : progress.delivered, stream);
}

function problemOf(answer: OpenAnswer, progress: Progress): string | undefined {
  if (mediaTypeOf(answer) === 'text/html') return `it answered ${answer.status} with a web page`;
  if (answer.status !== 206) return undefined;
  const range = String(answer.headers['content-range'] ?? '');
  const start = /^bytes (\d+)-/.exec(range)?.[1];
  if (Number(start) === progress.delivered) return undefined;
  return `it answered the range "${range.slice(0, 60)}" when asked for bytes ${progress.delivered}-`;
}

function refused(place: Place, answer: OpenAnswer, what: string, where: string): EdgeloopError {
  if (answer.status === 404)
    return failure('blob-missing', `${where} does not exist`, 'Push again what belongs there.');
  // A signature that has run out: the registry gives a new one.
  const isElsewhere = answer.url.origin !== place.endpoint.base.origin;
  if (isElsewhere && (answer.status === 401 || answer.status === 403))
    return failure(
      'registry-unavailable',
      `${what}: ${answer.url.host}, where the registry keeps it, answered ${answer.status}`,
      'Try again later.',
    );
  return registryError(answer, what);
}

function waitAsked({ status, headers }: OpenAnswer): number | undefined {
  return status >= 400 && headers['retry-after'] !== undefined ? retryWaitMs(1, headers) : undefined;
}

/** Only a body of unknown length can end before its time without an error. */
function isOpenEnded({ headers }: OpenAnswer): boolean {
  return headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
}

function givenUp(error: unknown, where: string, delivered: number): unknown {
  if (error instanceof EdgeloopError) return error;
  return failure(
    'registry-unavailable',
    `reading ${where}: the connection is cut again and again after ${delivered} bytes`,
    'Try again later, or check the line.',
    { cause: error },
  );
}

/** Errors of sockets come as they are from a body that is being read; everything coded is a decision of ours. */
function isCut(error: unknown): boolean {
  return !(error instanceof EdgeloopError) || isPassing(error);
}
