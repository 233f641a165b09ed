import { ContainerRegistryClient } from '@azure/container-registry';
import {
  createHttpHeaders,
  type HttpClient,
  isRestError,
  type PipelineRequest,
} from '@azure/core-rest-pipeline';
import { z } from 'zod';
import { EdgeloopError, failure } from '../errors.ts';
import { askRegistry, type Authorization, digestSchema, type Locks, type LockState } from '../oci/index.ts';

export interface RegistryLocksSettings {
  host: string;
  /** Without the host. */
  repository: string;
  authorization?: Authorization;
  signal?: AbortSignal;
}

/** Neither to be moved nor to be deleted; what is locked can still be read and is listed. */
const LOCKED_TAG = { canWrite: false, canDelete: false };
/** What has a digest cannot change. Where it could not be written, a moving tag or a channel might not name it any more. */
const LOCKED_MANIFEST = { canDelete: false };
const attributesSchema = z.looseObject({
  digest: digestSchema,
  canWrite: z.boolean(),
  canDelete: z.boolean(),
});
/** What Microsoft's own command line asks for. */
const PAGES = { maxPageSize: 100 };
const REFUSALS: ReadonlySet<string> = new Set(['registry-unauthorized', 'registry-denied']);

/**
 * The locks of a repository in Azure Container Registry: the changeable attributes of its tags and manifests (Microsoft,
 * "Lock a container image"), over their own SDK, which asks through our credentials and never sees them.
 */
export function openRegistryLocks(settings: RegistryLocksSettings): Locks {
  const { host, repository } = settings;
  const client = new ContainerRegistryClient(`https://${host}`, {
    httpClient: ourClient(settings),
    // Whatever is worth another try has had it.
    retryOptions: { maxRetries: 0 },
  });
  const artifact = (reference: string) => client.getArtifact(repository, reference);
  return {
    read: (reference) =>
      stateOf(reference, () =>
        isDigest(reference)
          ? artifact(reference).getManifestProperties()
          : artifact(reference).getTagProperties(reference),
      ),
    async list() {
      const states = new Map<string, LockState>();
      const take = (reference: string, found: unknown) => states.set(reference, lockOf(reference, found));
      // Named by one artifact, and answered for the whole repository: the SDK asks for no digest.
      const tags = artifact('latest').listTagProperties().byPage(PAGES);
      const manifests = client.getRepository(repository).listManifestProperties().byPage(PAGES);
      try {
        for await (const page of tags) for (const tag of page) take(tag.name, tag);
        for await (const page of manifests) for (const manifest of page) take(manifest.digest, manifest);
      } catch (error) {
        if (!isRestError(error)) throw error;
        // There is no such repository yet.
        if (error.statusCode !== 404) throw unexpected('all', 'the answer cannot be read', error);
      }
      return states;
    },
    async lock(reference) {
      const state = await stateOf(reference, () =>
        isDigest(reference)
          ? artifact(reference).updateManifestProperties(LOCKED_MANIFEST)
          : artifact(reference).updateTagProperties(reference, LOCKED_TAG),
      );
      if (state !== undefined) return state;
      throw unexpected(reference, 'there is nothing to lock');
    },
  };
}

/** `undefined` for a 404. */
async function stateOf(reference: string, ask: () => Promise<unknown>): Promise<LockState | undefined> {
  try {
    return lockOf(reference, await ask());
  } catch (error) {
    // What the SDK itself has against an answer; everything else was judged before it came to it.
    if (!isRestError(error)) throw error;
    if (error.statusCode === 404) return undefined;
    throw unexpected(reference, 'the answer cannot be read', error);
  }
}

function lockOf(reference: string, found: unknown): LockState {
  const { data } = attributesSchema.safeParse(found);
  if (data === undefined) throw unexpected(reference, 'the answer names no digest or no attributes');
  const isLocked = !data.canDelete && (isDigest(reference) || !data.canWrite);
  return { digest: data.digest, isLocked };
}

function unexpected(reference: string, problem: string, cause?: Error): EdgeloopError {
  const message = `the lock of ${reference}: ${problem}`;
  const remedy = 'Check that the address is a registry of Azure, and that no proxy stands before it.';
  return failure('registry-answer-unexpected', message, remedy, cause && { cause });
}

function isDigest(reference: string): boolean {
  return reference.startsWith('sha256:');
}

/** Sends the SDK's requests as all others are sent: same proxy, authorities, limits, retries and credentials. */
function ourClient(settings: RegistryLocksSettings): HttpClient {
  const ask = askRegistry(settings);
  return {
    async sendRequest(request) {
      const url = new URL(request.url);
      const isWrite = request.method !== 'GET';
      const [, reference] = /\/_(?:tags|manifests)\/([^/]+)$/.exec(url.pathname) ?? [];
      const doing = reference === undefined ? 'listing' : isWrite ? 'locking' : 'reading the lock of';
      const what = `${doing} ${reference === undefined ? 'the locks' : decodeURIComponent(reference)} in ${settings.host}/${settings.repository}`;
      try {
        const { status, headers, body } = await ask({
          what,
          url,
          method: isWrite ? 'PATCH' : 'GET',
          scope: `repository:${settings.repository}:${isWrite ? 'metadata_write' : 'metadata_read'}`,
          headers: headersOf(request),
          ...(isWrite && { send: { contentType: 'application/json', bytes: Buffer.from(textOf(request)) } }),
          // The same attributes twice do no harm.
          retries: 2,
        });
        const named = Object.entries(headers).map(([name, value]) => [name, String(value)]);
        return {
          request,
          status,
          headers: createHttpHeaders(Object.fromEntries(named)),
          bodyAsText: body.toString(),
        };
      } catch (error) {
        if (!(error instanceof EdgeloopError) || !REFUSALS.has(error.code)) throw error;
        const message = `the account may not ${isWrite ? 'lock' : 'read locks'}`;
        throw failure('registry-lock-refused', message, remedyFor(isWrite), { cause: error });
      }
    },
  };
}

/** Names what it takes, as Microsoft's directory of roles and its list of permissions have it. */
function remedyFor(isWrite: boolean): string {
  if (!isWrite)
    return 'Reading locks takes "metadata/read": the role AcrPull, Container Registry Repository Reader where the registry has repository permissions (ABAC), or a token whose scope map has metadata/read.';
  return 'Locking takes "metadata/write", which AcrPush alone does not name: a role with the action Microsoft.ContainerRegistry/registries/metadata/write, Container Registry Repository Writer where the registry has repository permissions (ABAC), or a token whose scope map has metadata/write.';
}

/** Without those of the connection, which are ours. */
function headersOf(request: PipelineRequest): Record<string, string> {
  const {
    'accept-encoding': _,
    'content-type': __,
    'content-length': ___,
    ...headers
  } = request.headers.toJSON();
  return headers;
}

function textOf({ body }: PipelineRequest): string {
  if (typeof body === 'string') return body;
  throw new TypeError('the SDK sends attributes as JSON');
}
