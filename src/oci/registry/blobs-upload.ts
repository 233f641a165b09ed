import { setTimeout as sleep } from 'node:timers/promises';
import { type HttpHeaders, isTransient, retryWaitMs } from '../../http.ts';
import type { BlobSource } from '../repository.ts';
import { hasBlob } from './blobs-download.ts';
import { type Place, resolveLink } from './endpoint.ts';
import { errorCodes, isPassing, registryError, unexpectedAnswer } from './registry-errors.ts';
import { type RegistryAnswer, type RegistryRequest, request } from './requests.ts';
import { type Sent, uploadStream } from './upload-source.ts';

/** Up to this length one PUT is as good as a session that could be resumed, bytes. */
const SMALL = 4 * 1024 * 1024;
/** Tries of a blob, and tries in a row of a session that bring nothing. */
const MOST_TRIES = 4;
/** For a registry that puts the pieces of a session together, milliseconds. */
const CLOSING_MS = 300_000;
const OCTETS = 'application/octet-stream';

/** What one request came to: done, or to be tried again after a while; anything else is thrown. */
type Outcome = { done: RegistryAnswer } | { failed: Error; headers?: HttpHeaders; isRefused?: boolean };

/**
 * Stores a blob unless it is there. A large one is sent in a session that goes on after a cut where the registry keeps
 * sessions, and in one PUT elsewhere.
 */
export async function writeBlob(place: Place, source: BlobSource): Promise<{ transferred: number }> {
  const { digest, size } = source.descriptor;
  const sent: Sent = { bytes: 0 };
  for (let tries = 1; ; tries++) {
    // Also after a try whose answer was lost: it may have been stored.
    if (await hasBlob(place, digest, place.push)) return { transferred: sent.bytes };
    const session = await startSession(place, digest);
    const resumable = size > SMALL && place.endpoint.keepsUploads;
    const outcome = resumable
      ? await sendInSession(place, source, session, sent)
      : await putWhole(place, source, session, sent);
    if ('done' in outcome) return { transferred: sent.bytes };
    if (tries === MOST_TRIES) throw outcome.failed;
    await sleep(retryWaitMs(tries, outcome.headers));
  }
}

async function startSession(place: Place, digest: string): Promise<URL> {
  const what = `starting the upload of blob ${digest} to ${place.name}`;
  // Harmless to send twice: a session that nobody uses is dropped by the registry.
  const answer = await request(place.endpoint, {
    method: 'POST',
    url: place.url('blobs/uploads/'),
    scope: place.push,
    retries: 2,
  });
  if (answer.status !== 202) throw registryError(answer, what);
  return locationOf(place, answer, what);
}

function putWhole(place: Place, source: BlobSource, session: URL, sent: Sent): Promise<Outcome> {
  const { digest, size } = source.descriptor;
  return attempt(place, digest, [201, 204], {
    method: 'PUT',
    url: withDigest(session, digest),
    send: { contentType: OCTETS, size, open: () => uploadStream(source, 0, sent) },
  });
}

/** One streamed PATCH, as often as it is cut from where the registry has got to, and the PUT that closes it. */
async function sendInSession(place: Place, source: BlobSource, session: URL, sent: Sent): Promise<Outcome> {
  const { digest, size } = source.descriptor;
  let at: { url: URL; received: number } = { url: session, received: 0 };
  for (let fruitless = 0; at.received < size;) {
    const { url, received } = at;
    const outcome = await attempt(place, digest, [202, 201, 204], {
      method: 'PATCH',
      url,
      headers: { 'content-range': `${received}-${size - 1}` },
      send: { contentType: OCTETS, size: size - received, open: () => uploadStream(source, received, sent) },
    });
    if ('done' in outcome) {
      at = {
        url: locationOf(place, outcome.done, `uploading blob ${digest} to ${place.name}`),
        received: size,
      };
      break;
    }
    if (outcome.isRefused === true) return withoutSessions(place, outcome);
    await sleep(retryWaitMs(fruitless + 1, outcome.headers));
    const state = await askSession(place, digest, url);
    fruitless = state !== undefined && state.received > received ? 0 : fruitless + 1;
    if (state === undefined || fruitless === MOST_TRIES) return withoutSessions(place, outcome);
    at = state;
  }
  const close = { method: 'PUT', url: withDigest(at.url, digest), timeoutMs: CLOSING_MS } as const;
  return attempt(place, digest, [201, 204], close);
}

function withoutSessions(place: Place, outcome: Outcome): Outcome {
  place.endpoint.keepsUploads = false;
  return outcome;
}

/** How far a session has got (distribution-spec 1.1, "Resuming an Upload"); `undefined` when it is forgotten. */
async function askSession(
  place: Place,
  digest: string,
  url: URL,
): Promise<{ url: URL; received: number } | undefined> {
  const answer = await request(place.endpoint, { url, scope: place.push });
  const what = `resuming the upload of blob ${digest} to ${place.name}`;
  const end = /^(?:bytes=)?0-(\d+)$/.exec(String(answer.headers['range'] ?? ''))?.[1];
  if (answer.status !== 204 || end === undefined) return undefined;
  // Of an empty session registries say 0-0, as of one with a single byte.
  const received = end === '0' ? 0 : Number(end) + 1;
  return { url: answer.headers['location'] === undefined ? url : locationOf(place, answer, what), received };
}

async function attempt(
  place: Place,
  digest: string,
  expected: number[],
  asked: Omit<RegistryRequest, 'scope'>,
): Promise<Outcome> {
  const what = `uploading blob ${digest} to ${place.name}`;
  try {
    const answer = await request(place.endpoint, { retries: 0, ...asked, scope: place.push });
    if (expected.includes(answer.status)) return { done: answer };
    const failed = registryError(answer, what);
    if (isTransient(answer.status) || isSessionLost(answer)) return { failed, headers: answer.headers };
    // Not every registry takes a stream in a session; all take one PUT.
    if (asked.method === 'PATCH' && answer.status !== 401 && answer.status !== 403)
      return { failed, isRefused: true };
    throw failed;
  } catch (error) {
    if (isPassing(error) && error instanceof Error) return { failed: error };
    throw error;
  }
}

/** The session has gone, or has another length than we think: a new one helps. */
function isSessionLost(answer: RegistryAnswer): boolean {
  const codes = errorCodes(answer);
  return answer.status === 416 || codes.some((code) => code.startsWith('BLOB_UPLOAD_'));
}

function locationOf(place: Place, answer: RegistryAnswer, what: string): URL {
  const location = answer.headers['location'];
  const url = location && resolveLink(place.endpoint, answer.url, String(location));
  if (url) return url;
  throw unexpectedAnswer(what, `it answered ${answer.status} without a Location that can be followed`);
}

/** Appends to the query as it stands: rewriting it could break what the registry has signed. */
function withDigest(session: URL, digest: string): URL {
  const url = new URL(session);
  url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  return url;
}
