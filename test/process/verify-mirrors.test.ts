import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Mirror, MirroredVersion } from '../../src/loop/mirror.ts';
import { listReleases } from '../../src/loop/releases.ts';
import { repairModel } from '../../src/loop/verify/repair.ts';
import { verifyModel } from '../../src/loop/verify/verify-model.ts';
import { verifyRelease } from '../../src/loop/verify/verify-release.ts';
import { openWorkspace } from '../../src/loop/open-workspace.ts';
import { type Workspace } from '../../src/loop/workspace.ts';
import { alterLock, dropManifests } from '../fixtures/disagreements.ts';
import { copyOf } from '../fixtures/released-versions.ts';
import { type RolledOut, rolledOut } from '../fixtures/rolled-out.ts';

/** A mirror that is a file, the smallest that there can be. */
function fileMirror(): Mirror & { listed(): MirroredVersion[]; list(entries: MirroredVersion[]): void } {
  const file = join(mkdtempSync(join(tmpdir(), 'edgeloop-mirror-')), 'versions.json');
  const listed = (): MirroredVersion[] => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []);
  const list = (entries: MirroredVersion[]): void => writeFileSync(file, JSON.stringify(entries));
  return {
    name: 'a page',
    listed,
    list,
    read: async () => listed(),
    async write({ version, lock }) {
      if (!listed().some((entry) => entry.version === version))
        list([...listed(), { version, digest: lock.modelManifest }]);
    },
    async repair({ version, lock }) {
      const others = listed().filter((entry) => entry.version !== version);
      list([...others, { version, digest: lock.modelManifest }]);
    },
  };
}

/** A project as the verbs open it, with a further mirror. */
async function openWith(project: string, mirror: Mirror): Promise<Workspace> {
  const workspace = await openWorkspace({
    cwd: project,
    environment: {},
    log: () => {},
    followTraining: () => ({ line: () => {}, end: () => {} }),
    mask: () => {},
    now: () => new Date(),
    signal: new AbortController().signal,
  });
  return { ...workspace, mirrors: [mirror] };
}

describe('a further mirror', () => {
  let was: RolledOut;
  beforeAll(() => {
    was = rolledOut();
  }, 120_000);

  it('is compared both ways; what it lacks or has otherwise is mended, what only it has is not', async () => {
    const mirror = fileMirror();
    const workspace = await openWith(copyOf(was.project), mirror);
    const other = { version: '7.0.0', digest: was.old.modelManifest };
    mirror.list([{ version: '1.0.0', digest: undefined }, other]);
    const [unknown, ...others] = (await verifyModel(workspace, 'churn')).toReversed();
    expect(unknown).toMatchObject({
      code: 'mirror-unknown',
      subject: 'a page 7.0.0',
      values: { git: null, mirror: other.digest },
      mend: expect.stringMatching(/delete it there/),
    });
    expect(others.toReversed()).toMatchObject([
      {
        code: 'mirror-missing',
        subject: 'a page 1.0.1',
        values: { git: was.now.modelManifest, mirror: null },
        mend: 'Run: edgeloop verify churn --repair',
      },
      {
        code: 'mirror-disagrees',
        subject: 'a page 1.0.0',
        values: { git: was.old.modelManifest, mirror: null },
        mend: 'Run: edgeloop verify churn --repair',
      },
    ]);

    const { findings, repaired } = await repairModel(workspace, 'churn');
    expect(repaired.map(({ code, subject }) => [code, subject])).toEqual([
      ['mirror-missing', 'a page 1.0.1'],
      ['mirror-disagrees', 'a page 1.0.0'],
    ]);
    expect(findings).toEqual([unknown]);
    expect(mirror.listed().toSorted((a, b) => (a.version < b.version ? -1 : 1))).toEqual([
      { version: '1.0.0', digest: was.old.modelManifest },
      { version: '1.0.1', digest: was.now.modelManifest },
      other,
    ]);
    expect(await repairModel(workspace, 'churn')).toEqual({ findings: [unknown], repaired: [] });
  });
});

describe('verifyRelease', () => {
  let was: RolledOut;
  beforeAll(() => {
    was = rolledOut();
  }, 120_000);

  it('tells what is wrong with one release, and nothing of another', async () => {
    const mirror = fileMirror();
    const copy = copyOf(was.project);
    const workspace = await openWith(copy, mirror);
    const [now, old] = await listReleases(workspace, 'churn');
    if (now === undefined || old === undefined) throw new Error('there are two releases');
    await mirror.write(now);
    dropManifests(copy, was.old.verdict);
    expect(await verifyRelease(workspace, now)).toEqual([]);
    expect((await verifyRelease(workspace, old)).map(({ code }) => code)).toEqual([
      'verdict-missing',
      'mirror-missing',
    ]);
    // What git has now counts, not what was read before.
    await alterLock(copy, '1.0.1', { champion: null });
    expect((await verifyRelease(workspace, now)).map(({ code }) => code)).toEqual(['verdict-disagrees']);
  });
});
