import { lockPath, readTrailers, tagTrailers, type Release } from '../../versioning/index.ts';
import { listVersionTags, readRelease, type VersionTag } from '../releases.ts';
import type { Checking } from './finding.ts';

/** Git's own words: each version's tag, its message and the lock file at its commit. Answers those that can be read. */
export async function checkVersionTags(checking: Checking, only?: string): Promise<Release[]> {
  const { workspace, model } = checking;
  const tags = (await listVersionTags(workspace, model, only)).filter(
    ({ name }) => only === undefined || name === only,
  );
  const releases: Release[] = [];
  for (const tag of tags) {
    const release = await checking.attempt(tag.name, async () => checkVersionTag(checking, tag));
    if (release !== undefined) releases.push(release);
  }
  return releases;
}

function checkVersionTag({ model, report }: Checking, tag: VersionTag): Release | undefined {
  const release = readRelease(tag, model);
  const { name: subject, version, commit } = tag;
  const mend = `A version's tag is never moved: find out who made it (git cat-file tag '${subject}'), and release again under the next version.`;
  if (release === undefined) {
    const message = `its commit ${commit} has no ${lockPath(model)}`;
    const values = { tag: subject, lock: null };
    report({ code: 'lock-missing', subject, message, values, mend });
    return undefined;
  }
  const { lock } = release;
  if (lock.version !== version || lock.model !== model) {
    const message = `its lock file is of ${lock.model} ${lock.version}`;
    const values = { tag: `${model} ${version}`, lock: `${lock.model} ${lock.version}` };
    report({ code: 'lock-disagrees', subject, message, values, mend });
  }
  const said = readTrailers(tag.message);
  for (const [trailer, locked] of Object.entries(tagTrailers(lock))) {
    if (said[trailer] === locked) continue;
    const message = `its message says ${trailer}: ${said[trailer] ?? 'nothing'}, its lock file ${locked}`;
    const values = { message: said[trailer] ?? null, lock: locked };
    report({ code: 'trailer-disagrees', subject: `${subject} ${trailer}`, message, values, mend });
  }
  return release;
}
