import { EdgeloopError } from '../../errors.ts';
import { retryWaitMs } from '../../http.ts';
import { pause } from '../../pause.ts';
import type { BlobSource } from '../repository.ts';
import { hasBlob } from './blobs-download.ts';
import type { Place } from './endpoint.ts';
import { mountBlob } from './mount.ts';
import { isPassing, registryError } from './registry-errors.ts';
import { request } from './requests.ts';
import { type Progress, progressOf, sendInSession } from './upload-in-session.ts';
import { attempt, locationOf, type Outcome, restOf, type Upload, withDigest } from './upload-requests.ts';
import { uploadSession } from './upload-sessions.ts';

/** Up to this length one PUT is as good as a session that could be resumed, bytes. */
const SMALL = 4 * 1024 * 1024;
/** Tries of a blob. */
const MOST_TRIES = 4;

/**
 * Stores a blob unless it is there: mounted from its origin, or else sent. A large one is sent in a session that goes on
 * after a cut, in another process too, where the registry keeps sessions, and in one PUT elsewhere.
 */
export async function writeBlob(place: Place, source: BlobSource): Promise<{ transferred: number }> {
  const { digest } = source.descriptor;
  const upload: Upload = { place, source, sent: { bytes: 0 }, session: await uploadSession(place, digest) };
  try {
    if (!(await hasBlob(place, digest, place.push))) await mountOrSend(upload);
  } catch (error) {
    await (isOfTheSource(error, place) ? upload.session.forget() : upload.session.leave());
    throw error;
  }
  await upload.session.forget();
  return { transferred: upload.sent.bytes };
}

async function mountOrSend(upload: Upload): Promise<void> {
  const mount = await mountBlob(upload.place, upload.source);
  if (mount !== 'mounted') await send(upload, mount);
}

/** Then what the session holds may be something else than the blob. */
function isOfTheSource(error: unknown, { endpoint }: Place): boolean {
  if (isPassing(error) || endpoint.signal?.aborted === true) return false;
  return !(error instanceof EdgeloopError && error.code.startsWith('registry-'));
}

async function send(upload: Upload, offered: URL | undefined): Promise<void> {
  const { place, source } = upload;
  const { digest, size } = source.descriptor;
  let unused = offered;
  for (let tries = 1; ; tries++) {
    const isInSession = size > SMALL && place.endpoint.learned.keepsUploads;
    const outcome = isInSession ? await goOn(upload, unused) : await putWhole(upload, unused);
    if ('done' in outcome) return;
    if (tries === MOST_TRIES) throw outcome.failed;
    await pause(retryWaitMs(tries, outcome.headers), place.endpoint.signal);
    // A try whose answer was lost may have stored it.
    if (await hasBlob(place, digest, place.push)) return;
    unused = undefined;
  }
}

/** Goes on with the session that there is, or starts one. */
async function goOn(upload: Upload, offered: URL | undefined): Promise<Outcome> {
  const { place, source, session } = upload;
  const known = await knownProgress(upload);
  if (known !== undefined) return sendInSession(upload, known);
  await session.forget();
  const url = offered ?? (await startSession(place, source.descriptor.digest));
  await session.keep(url);
  return sendInSession(upload, { url, received: 0 });
}

async function knownProgress(upload: Upload): Promise<Progress | undefined> {
  const { place, session } = upload;
  if (session.url === undefined) return undefined;
  try {
    return await progressOf(upload, session.url);
  } catch (error) {
    place.endpoint.signal?.throwIfAborted();
    // It may lie at a host that has gone, or be somebody else's: a new one can be had.
    if (session.isTakenOver) return undefined;
    throw error;
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

async function putWhole(upload: Upload, offered: URL | undefined): Promise<Outcome> {
  const { place, source } = upload;
  const { digest } = source.descriptor;
  const url = withDigest(offered ?? (await startSession(place, digest)), digest);
  return attempt(upload, [201, 204], { method: 'PUT', url, send: restOf(upload, 0) });
}
