import type { Release } from '../../versioning/index.ts';
import type { Mirror } from '../mirror.ts';
import type { Checking } from './finding.ts';

/** Every further mirror lists each release with its digest. */
export async function checkMirrored(checking: Checking, mirror: Mirror, releases: Release[]): Promise<void> {
  const { model, report } = checking;
  const listed = await mirror.read(model);
  const mend = `Run: edgeloop verify ${model} --repair`;
  for (const release of releases) {
    const { version, lock, tag } = release;
    const entries = listed.filter((one) => one.version === version);
    const other = entries.find(({ digest }) => digest !== lock.modelManifest);
    if (entries.length > 0 && other === undefined) continue;
    const subject = `${mirror.name} ${version}`;
    const values = { git: lock.modelManifest, mirror: other?.digest ?? null };
    if (other === undefined) {
      const message = `${tag} means ${lock.modelManifest}, and it is not listed there`;
      report({ code: 'mirror-missing', subject, message, values, mend }, async () => {
        await mirror.write(release);
        return `${subject} is listed`;
      });
      continue;
    }
    const message = `${tag} means ${lock.modelManifest}, there it is ${other.digest ?? 'without a digest'}`;
    report({ code: 'mirror-disagrees', subject, message, values, mend }, async () => {
      await mirror.repair(release);
      return `${subject} says what ${tag} says`;
    });
  }
}

/** And lists nothing else. */
export async function checkUnknown(
  { model, report }: Checking,
  mirror: Mirror,
  versions: ReadonlySet<string>,
): Promise<void> {
  for (const { version, digest } of await mirror.read(model)) {
    if (versions.has(version)) continue;
    report({
      code: 'mirror-unknown',
      subject: `${mirror.name} ${version}`,
      message: `it is listed there as ${digest ?? 'a version without a digest'}, and git has no ${model}@v${version}`,
      values: { git: null, mirror: digest ?? 'without a digest' },
      mend: 'Find out who wrote it, and delete it there: releases are made by `edgeloop release`.',
    });
  }
}
