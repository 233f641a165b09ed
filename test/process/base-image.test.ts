import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openLayoutRepository, readImage, type Repository } from '../../src/oci/index.ts';
import { DOCKER, pushBaseIndex, pushBaseManifest } from '../fixtures/base-image.ts';
import { churnProject, edgeloop, git } from '../fixtures/churn-project.ts';
import { expectError, taggedManifests } from '../fixtures/expect-error.ts';
import { json } from '../fixtures/json-answer.ts';

const COMMAND = ['release', 'churn', '--base-image', 'oci:../bases:13'];

/** Moves the tag 13 to a base for amd64 and arm64 whose layers hold these words. */
async function pushBase(bases: Repository, words: string): Promise<string> {
  const entries = [];
  for (const architecture of ['amd64', 'arm64']) {
    const layers = [new TextEncoder().encode(`${words} ${architecture}`)];
    const manifest = await pushBaseManifest(bases, layers, { architecture }, { dialect: DOCKER });
    entries.push({ ...manifest, platform: { os: 'linux', architecture } });
  }
  return (await pushBaseIndex(bases, entries, { dialect: DOCKER, tag: '13' })).digest;
}

describe('release --base-image', () => {
  let project: string;
  let bases: Repository;
  let base: string;
  let released: { image: { digest: string } };

  beforeAll(() => {
    project = churnProject();
    bases = openLayoutRepository(join(project, '../bases'));
    mkdirSync(join(project, 'inner'));
    json(project, 0, 'retrain', 'churn');
  });

  it('refuses a base that cannot be built on before a version is taken', async () => {
    const layout = join(project, '../bases');
    expectError(project, COMMAND, { exit: 1, code: 'base-image-missing', says: [`${layout} has no 13`] });
    expectError(project, ['release', 'churn', '--base-image', 'debian:13'], {
      exit: 2,
      code: 'reference-invalid',
      says: ['debian:13'],
    });
    await pushBaseManifest(bases, [], { architecture: 's390x' }, { tag: 'mainframe' });
    expectError(project, ['release', 'churn', '--base-image', 'oci:../bases:mainframe'], {
      exit: 3,
      code: 'base-image-platform-missing',
      says: ['linux/s390x'],
    });
    expect(git(project, 'tag')).toBe('');
    expect(taggedManifests(project).map(({ tag }) => tag)).toEqual([expect.stringMatching(/^in-/)]);
  });

  it('builds on the base, and names it by its digest in lock file, tag and image', async () => {
    base = await pushBase(bases, 'first');
    // From another folder than the lock file will be read from.
    released = json(join(project, 'inner'), 0, 'release', 'churn', '--base-image', 'oci:../../bases:13');
    const name = `oci:../bases:13@${base}`;
    expect(released).toMatchObject({ created: true, image: { base: name } });
    const lock = JSON.parse(git(project, 'show', 'churn@v1.0.0:models/churn/model.lock.json'));
    expect(lock).toMatchObject({ base: name, image: released.image.digest });
    expect(git(project, 'tag', '--list', '--format=%(contents)')).toContain(`Base-Image: ${name}\n`);
    const registry = openLayoutRepository(join(project, '.edgeloop/registry/churn'));
    expect(await readImage(registry, '1.0.0')).toMatchObject({
      descriptor: { digest: released.image.digest },
      annotations: {
        'org.opencontainers.image.base.name': 'oci:../bases:13',
        'org.opencontainers.image.base.digest': base,
      },
    });
    expect(json(project, 0, 'verify', 'churn')).toEqual({ ok: true, findings: [] });
  });

  it('makes the same image again when the base’s tag has moved', async () => {
    expect(await pushBase(bases, 'second')).not.toBe(base);
    for (const again of [COMMAND, ['release', 'churn']]) {
      expect(json(project, 0, ...again)).toMatchObject({
        created: false,
        image: { digest: released.image.digest, base: `oci:../bases:13@${base}` },
      });
    }
    expect(json(project, 0, 'verify', 'churn')).toEqual({ ok: true, findings: [] });
  });

  it('says so when a release stays on the base that it has', () => {
    const { code, stderr } = edgeloop(project, 'release', 'churn', '--base-image', 'oci:../bases:14');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(
        /churn 1\.0\.0 is released already and is built on .*:13@.*: oci:.*:14 is not used/,
      ),
    });
  });
});
