import { EdgeloopError, failure } from '../../errors.ts';
import { type HttpHeaders, isTransient } from '../../http.ts';
import type { BlobSource } from '../repository.ts';
import { type Place, resolveLink } from './endpoint.ts';
import { errorCodes, isPassing, registryError, unexpectedAnswer } from './registry-errors.ts';
import { type RegistryAnswer, type RegistryRequest, request } from './requests.ts';
import { type Sent, uploadStream } from './upload-source.ts';
import type { UploadSession } from './upload-sessions.ts';

/** One blob on its way to one place. */
export interface Upload {
  place: Place;
  source: BlobSource;
  sent: Sent;
  session: UploadSession;
}

/** What one request came to: done, or to be tried again after a while; anything else is thrown. */
export type Outcome = { done: RegistryAnswer } | Failed;

export interface Failed {
  failed: Error;
  /**
   * `cut`: no answer came. `busy`: it may go next time. `lost`: the session has gone, has another length than we think,
   * or was given other bytes. `refused`: it takes no such request.
   */
  why: 'cut' | 'busy' | 'lost' | 'refused';
  headers?: HttpHeaders;
}

const OCTETS = 'application/octet-stream';

/** One request of an upload at the URL of its session; done with one of these statuses. */
export async function attempt(
  upload: Upload,
  expected: number[],
  asked: Omit<RegistryRequest, 'scope'>,
): Promise<Outcome> {
  try {
    const answer = await requestSession(upload.place, clause(upload), { retries: 0, ...asked });
    const { status, headers } = answer;
    if (expected.includes(status)) return { done: answer };
    const failed = registryError(answer, clause(upload));
    if (isTransient(status)) return { failed, why: 'busy', headers };
    if (isLost(answer)) return { failed, why: 'lost', headers };
    // Not every registry takes a stream in a session; all take one PUT.
    if (asked.method === 'PATCH' && status !== 401 && status !== 403) return { failed, why: 'refused' };
    throw failed;
  } catch (error) {
    if (isPassing(error) && error instanceof Error) return { failed: error, why: 'cut' };
    throw error;
  }
}

/** The rest of the blob as what a request sends. */
export function restOf({ source, sent }: Upload, from: number): NonNullable<RegistryRequest['send']> {
  const size = source.descriptor.size - from;
  return { contentType: OCTETS, size, open: () => uploadStream(source, from, sent) };
}

/** What goes on, for messages. */
export function clause({ place, source }: Upload): string {
  return `uploading blob ${source.descriptor.digest} to ${place.name}`;
}

/** A request to a session, whose URL no error may show. */
export async function requestSession(
  place: Place,
  what: string,
  asked: Omit<RegistryRequest, 'scope'>,
): Promise<RegistryAnswer> {
  try {
    return await request(place.endpoint, { ...asked, scope: place.push });
  } catch (error) {
    if (!(error instanceof EdgeloopError) || !error.message.includes(asked.url.pathname)) throw error;
    const message = `${what}: no answer that can be used came from ${asked.url.host}`;
    throw failure(error.code, message, error.remedy, { cause: error.cause });
  }
}

/** Where an upload goes on after an answer. */
export function locationOf(place: Place, answer: RegistryAnswer, what: string): URL {
  const location = answer.headers['location'];
  const url = location && resolveLink(place.endpoint, answer.url, String(location));
  if (url) return url;
  throw unexpectedAnswer(what, `it answered ${answer.status} without a Location that can be followed`);
}

/** Appends to the query as it stands: rewriting it could break what the registry has signed. */
export function withDigest(session: URL, digest: string): URL {
  const url = new URL(session);
  url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  return url;
}

function isLost(answer: RegistryAnswer): boolean {
  const codes = errorCodes(answer);
  return (
    answer.status === 416 ||
    codes.some((code) => code.startsWith('BLOB_UPLOAD_') || code === 'DIGEST_INVALID')
  );
}
