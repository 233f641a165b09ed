import { EdgeloopError } from '../../errors.ts';
import type { BlobSource } from '../repository.ts';
import type { Place } from './endpoint.ts';
import { request } from './requests.ts';
import { mergeScopes } from './scopes.ts';
import { locationOf } from './upload-requests.ts';

/**
 * Lets the registry take a blob from `source.origin`, when that is another repository of the same registry
 * (distribution-spec 1.1, "Mounting a blob from another repository"). A URL is the session that it offers instead;
 * `undefined`: nothing came of it, which is no failure, since the blob can be sent.
 */
export async function mountBlob(place: Place, source: BlobSource): Promise<'mounted' | URL | undefined> {
  const { endpoint } = place;
  const from = originIn(place, source);
  if (from === undefined) return undefined;
  const { digest } = source.descriptor;
  const url = place.url('blobs/uploads/');
  url.search = new URLSearchParams({ mount: digest, from }).toString();
  const scope = mergeScopes(place.push, `repository:${from}:pull`);
  try {
    const answer = await request(endpoint, { method: 'POST', url, scope, retries: 2 });
    if (answer.status === 201) return 'mounted';
    if (answer.status !== 202) return undefined;
    return locationOf(place, answer, `mounting blob ${digest} from ${from} in ${place.name}`);
  } catch (error) {
    endpoint.signal?.throwIfAborted();
    // Who may push here need not be allowed to read there.
    if (error instanceof EdgeloopError) return undefined;
    throw error;
  }
}

/** The repository's name without the host; `undefined` when it is elsewhere, or this one. */
function originIn({ name, endpoint }: Place, { origin }: BlobSource): string | undefined {
  const host = `${endpoint.host}/`;
  return origin?.startsWith(host) && origin !== name ? origin.slice(host.length) : undefined;
}
