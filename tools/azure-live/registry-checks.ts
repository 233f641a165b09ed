import { openRegistryLocks } from '../../src/azure/registry-locks.ts';
import { registryLogIn } from '../../src/loop/registry-log-in.ts';
import { EdgeloopError, messageOf } from '../../src/errors.ts';
import { openRegistry, type Repository } from '../../src/oci/index.ts';
import type { Check } from './check.ts';
import type { Scene } from './scene.ts';

const MODEL = 'azure-live';

/** The registry: who we are to it, and what a lock holds. What is locked stays there: a manifest of a few bytes each run. */
export function registryChecks({ settings, environment, idToken, mask, signal, run }: Scene): Check[] {
  const [host = '', ...prefix] = settings.registry.split('/');
  const authorize = registryLogIn({ environment, idToken, mask, signal });
  const authorization = authorize(host);
  const repository = openRegistry(settings.registry, { authorize, signal }).repository(MODEL);
  const locks = openRegistryLocks({
    host,
    repository: [...prefix, MODEL].join('/'),
    ...(authorization && { authorization }),
    signal,
  });
  const tag = `live-${run}`;
  let digest = '';
  return [
    {
      id: 'registry-pushed',
      assumed: 'an Entra token is exchanged for one of the registry, which lets us push',
      async look() {
        digest = await pushScratch(repository, tag, run);
        return { ok: true, saw: `${repository.name}:${tag}` };
      },
    },
    {
      id: 'registry-locked',
      assumed: 'our identity may lock, and the lock is read back',
      async look() {
        const [named, manifest] = [await locks.lock(tag), await locks.lock(digest)];
        const all = await locks.list();
        const isListed = all.get(tag)?.isLocked === true && all.get(digest)?.isLocked === true;
        return {
          ok: named.isLocked && manifest.isLocked && isListed,
          saw: `tag ${named.isLocked}, manifest ${manifest.isLocked}, in the listing ${isListed}`,
        };
      },
    },
    {
      id: 'registry-lock-holds',
      assumed: 'a locked tag cannot be moved, which is told as what it is',
      async look() {
        const code = await pushScratch(repository, tag, `${run} moved`).then(
          () => 'moved',
          (error: unknown) =>
            error instanceof EdgeloopError ? error.code : messageOf(error).replaceAll(/\s+/g, ' '),
        );
        const named = await repository.resolve(tag);
        return { ok: named?.digest === digest && code === 'tag-not-moved', saw: code };
      },
    },
    {
      id: 'registry-locked-tagged',
      assumed: 'a manifest that nobody may delete still gets other tags',
      async look() {
        const bytes = (await repository.readManifest(digest))?.bytes ?? new Uint8Array();
        await repository.writeManifest(bytes, { tag: 'live-newest', moveTag: true });
        return { ok: true, saw: `${repository.name}:live-newest` };
      },
    },
    {
      id: 'registry-referrers',
      assumed: 'a manifest with a subject is found as its referrer',
      async look() {
        const subject = (await repository.resolve(tag)) ?? undefined;
        if (subject === undefined) return { ok: false, saw: `no ${tag}` };
        await pushScratch(repository, undefined, `${run} refers`, subject);
        const found = await repository.referrers(subject.digest);
        return { ok: found.length > 0, saw: `${found.length}` };
      },
    },
  ];
}

const EMPTY = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  size: 2,
};

/** An artifact without content; returns its digest. */
async function pushScratch(
  repository: Repository,
  tag: string | undefined,
  text: string,
  subject?: object,
): Promise<string> {
  await repository.writeBlob({
    descriptor: EMPTY,
    async *open() {
      yield Buffer.from('{}');
    },
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    artifactType: 'application/vnd.edgeloop.azure-live.v1',
    config: EMPTY,
    layers: [EMPTY],
    ...(subject && { subject }),
    annotations: { 'dev.edgeloop.azure-live': text },
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const { digest } = await repository.writeManifest(bytes, { ...(tag && { tag, moveTag: true }) });
  return digest;
}
