import { EdgeloopError, messageOf } from '../../errors.ts';
import {
  ANNOTATION,
  BASE_DIGEST,
  BASE_NAME,
  type BuiltImage,
  type Descriptor,
  pushImage,
  readImage,
} from '../../oci/index.ts';
import type { Release } from '../../versioning/index.ts';
import { imageOf } from '../publish-release.ts';
import type { Checking } from './finding.ts';

/** A version's runnable image: built again it is what the lock file says, all of it is there, and it says whose it is. */
export async function checkImage(
  checking: Checking,
  release: Release,
  model: Descriptor | undefined,
): Promise<void> {
  const { repository, report } = checking;
  const { version, lock, tag } = release;
  const built = model && (await buildToCompare(checking, release));
  const again = built?.index.descriptor.digest;
  if (again !== undefined && again !== lock.image) {
    report({
      code: 'image-disagrees',
      subject: version,
      message: `built again from the lock file of ${tag} it is ${again}, the lock file says ${lock.image}`,
      values: { lock: lock.image, built: again },
      mend: `One of them was altered: find out who made the tag (git show '${tag}'), and release again under the next version.`,
    });
  }
  const found = await readImage(repository, version);
  if (found === undefined) return;
  const parts = found.descriptor.digest === again && built !== undefined ? built : undefined;
  const missing = parts && (await missingPart(checking, parts));
  if (missing !== undefined) {
    const message = `${repository.name} lacks its part ${missing}`;
    const values = { image: missing, registry: null };
    const mend = `Run: edgeloop verify ${checking.model} --repair`;
    const repair = () => rebuildImage(checking, release);
    report({ code: 'image-incomplete', subject: version, message, values, mend }, repair);
  }
  for (const [name, locked] of Object.entries(annotationsOf(release))) {
    const said = found.annotations[name];
    if (said === locked) continue;
    report({
      code: 'image-disagrees',
      subject: `${version} ${name}`,
      message: `its annotation says ${said ?? 'nothing'}, the lock file of ${tag} ${locked}`,
      values: { image: said ?? null, lock: locked },
      mend: `Find out who wrote it; a version is never moved. Its image can be made again once the tag ${version} is deleted: edgeloop verify ${checking.model} --repair`,
    });
  }
}

/** Builds the image from the lock file and writes it, if it is the very one that was released. */
export async function rebuildImage(
  { workspace, repository }: Checking,
  { version, lock }: Release,
): Promise<string | undefined> {
  const image = await imageOf(workspace, { digest: lock.modelManifest }, lock);
  if (image.index.descriptor.digest !== lock.image) return undefined;
  await pushImage(repository, image, [version]);
  return `the image ${version} was built again as ${lock.image}`;
}

/** A base image may be gone long after what was built on it is released: then there is nothing to compare with. */
async function buildToCompare({ workspace }: Checking, { lock }: Release): Promise<BuiltImage | undefined> {
  try {
    return await imageOf(workspace, { digest: lock.modelManifest }, lock);
  } catch (error) {
    workspace.deps.signal.throwIfAborted();
    if (lock.base === undefined || !(error instanceof EdgeloopError)) throw error;
    const image = `the image of ${lock.model} ${lock.version}`;
    workspace.deps.log('warn', `${image} is not built again to compare it: ${messageOf(error)}`);
    return undefined;
  }
}

async function missingPart({ repository }: Checking, image: BuiltImage): Promise<string | undefined> {
  for (const { descriptor } of image.manifests)
    if ((await repository.readManifest(descriptor.digest)) === undefined) return descriptor.digest;
  for (const { descriptor } of [...image.configs, ...image.baseLayers])
    if (!(await repository.hasBlob(descriptor.digest))) return descriptor.digest;
  return undefined;
}

function annotationsOf({ lock }: Release): Record<string, string> {
  const [, baseName, baseDigest] = /^(.*)@(sha256:[0-9a-f]{64})$/s.exec(lock.base ?? '') ?? [];
  return {
    [ANNOTATION.model]: lock.model,
    [ANNOTATION.version]: lock.version,
    [ANNOTATION.modelManifest]: lock.modelManifest,
    ...(baseName !== undefined && { [BASE_NAME]: baseName }),
    ...(baseDigest !== undefined && { [BASE_DIGEST]: baseDigest }),
  };
}
