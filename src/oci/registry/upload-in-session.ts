import { isTransient, retryWaitMs } from '../../http.ts';
import { pause } from '../../pause.ts';
import { registryError } from './registry-errors.ts';
import {
  attempt,
  clause,
  type Failed,
  locationOf,
  type Outcome,
  requestSession,
  restOf,
  type Upload,
  withDigest,
} from './upload-requests.ts';

/** Tries in a row of a session that bring nothing. */
const MOST_FRUITLESS = 4;
/** For a registry that puts the pieces of a session together, milliseconds. */
const CLOSING_MS = 300_000;

/** A session that has not grown for so long is taken for one that nobody writes to. */
const GROWING_MS = 200;

/** How far a session has got, bytes, and where it goes on. */
export interface Progress {
  url: URL;
  received: number;
}

/** One streamed PATCH, as often as it is cut from where the registry has got to, and the PUT that closes it. */
export async function sendInSession(upload: Upload, begun: Progress): Promise<Outcome> {
  const { place, source, session } = upload;
  const { digest, size } = source.descriptor;
  let at = begun;
  for (let fruitless = 0; at.received < size;) {
    const { url, received } = at;
    const outcome = await attempt(upload, [202, 201, 204], {
      method: 'PATCH',
      url,
      headers: { 'content-range': `${received}-${size - 1}` },
      send: restOf(upload, received),
    });
    if ('done' in outcome) {
      at = { url: locationOf(place, outcome.done, clause(upload)), received: size };
      await session.keep(at.url);
      break;
    }
    if (outcome.why === 'refused') return withoutSessions(upload, outcome);
    await pause(retryWaitMs(fruitless + 1, outcome.headers), place.endpoint.signal);
    const state = await progressOf(upload, url);
    if (state === undefined) return withoutSessions(upload, outcome);
    // Where there was more than we thought, what has come since may be another process's.
    const isOurs = outcome.why !== 'lost';
    fruitless = state.received > received && isOurs ? 0 : fruitless + 1;
    if (fruitless === MOST_FRUITLESS) {
      if (isOurs) return withoutSessions(upload, outcome);
      await session.forget();
      return outcome;
    }
    at = state;
  }
  const close = { method: 'PUT', url: withDigest(at.url, digest), timeoutMs: CLOSING_MS } as const;
  const closed = await attempt(upload, [201, 204], close);
  if ('done' in closed) return closed;
  // What was complete before, and cannot be closed even so, may hold other bytes.
  const isHopeless = begun.received >= size && closed.headers?.['retry-after'] === undefined;
  if (closed.why === 'lost' || isHopeless) await session.forget();
  return closed;
}

/** What another process's session comes to says nothing of the registry: it may have ended it, or it is too old. */
async function withoutSessions(upload: Upload, outcome: Failed): Promise<Failed> {
  if (!upload.session.isTakenOver) upload.place.endpoint.learned.keepsUploads = false;
  await upload.session.forget();
  return outcome;
}

/**
 * How far a session has got; `undefined` when it is forgotten. Waits while it grows: what was sent before a cut may still
 * be on its way, and what another process sends need not be sent twice.
 */
export async function progressOf(upload: Upload, url: URL): Promise<Progress | undefined> {
  let state = await askSession(upload, url);
  while (state !== undefined && state.received < upload.source.descriptor.size) {
    await pause(GROWING_MS, upload.place.endpoint.signal);
    const next = await askSession(upload, state.url);
    if (next?.received === state.received) return next;
    state = next;
  }
  return state;
}

/** Asks by distribution-spec 1.1, "Resuming an Upload". */
async function askSession(upload: Upload, url: URL): Promise<Progress | undefined> {
  const { place, session } = upload;
  const answer = await requestSession(place, clause(upload), { url });
  const end = /^(?:bytes=)?0-(\d+)$/.exec(String(answer.headers['range'] ?? ''))?.[1];
  // Who is busy has forgotten nothing.
  if (isTransient(answer.status)) throw registryError(answer, clause(upload));
  if (answer.status !== 204 || end === undefined) return undefined;
  // Of an empty session registries say 0-0, as of one with a single byte.
  const received = end === '0' ? 0 : Number(end) + 1;
  if (answer.headers['location'] === undefined) return { url, received };
  const next = locationOf(place, answer, clause(upload));
  await session.keep(next);
  return { url: next, received };
}
