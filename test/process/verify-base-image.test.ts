import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openLayoutRepository } from '../../src/oci/index.ts';
import { pushBaseIndex, pushBaseManifest } from '../fixtures/base-image.ts';
import { churnProject, edgeloop } from '../fixtures/churn-project.ts';
import { dropManifests, lockOf, named, repositoryOf } from '../fixtures/disagreements.ts';
import { json } from '../fixtures/json-answer.ts';

interface Named {
  code: string;
  subject: string;
}

/** A base for amd64 and arm64; returns the digests of its layers. */
async function pushBase(folder: string): Promise<string[]> {
  const bases = openLayoutRepository(folder);
  const entries = [];
  for (const architecture of ['amd64', 'arm64']) {
    const layers = [new TextEncoder().encode(`a system for ${architecture}`)];
    const manifest = await pushBaseManifest(bases, layers, { architecture });
    entries.push({ ...manifest, platform: { os: 'linux', architecture } });
  }
  await pushBaseIndex(bases, entries, { tag: '13' });
  const manifests = await Promise.all(entries.map(({ digest }) => bases.readManifest(digest)));
  return manifests.flatMap((found) => layersIn(found?.bytes ?? Buffer.of()));
}

function layersIn(manifest: Uint8Array): string[] {
  const { layers }: { layers: { digest: string }[] } = JSON.parse(Buffer.from(manifest).toString());
  return layers.map(({ digest }) => digest);
}

describe('verify of an image on a base', () => {
  let project: string;
  let bases: string;
  let layers: string[];
  beforeAll(async () => {
    project = churnProject();
    bases = join(project, '../bases');
    layers = await pushBase(bases);
    json(project, 0, 'retrain', 'churn');
    json(project, 0, 'release', 'churn', '--base-image', 'oci:../bases:13');
  }, 120_000);

  it('finds a layer of the base that is gone, and copies it again', () => {
    expect(json(project, 0, 'verify')).toEqual({ ok: true, findings: [] });
    const [layer = ''] = layers;
    dropManifests(project, layer);
    const { findings } = json(project, 3, 'verify');
    expect(findings).toMatchObject([
      { code: 'image-incomplete', subject: '1.0.0', values: { image: layer, registry: null } },
      { code: 'blob-missing', subject: layer },
    ]);
    expect(json(project, 0, 'verify', '--repair').repaired.map(({ code }: Named) => code)).toEqual([
      'image-incomplete',
    ]);
  });

  it('builds an image that is gone again on that base, byte for byte', async () => {
    const { image } = lockOf(project, '1.0.0');
    const { bytes } = (await repositoryOf(project).readManifest(image)) ?? { bytes: Buffer.of() };
    const index: { manifests: { digest: string }[] } = JSON.parse(Buffer.from(bytes).toString());
    dropManifests(project, image, ...index.manifests.map(({ digest }) => digest), ...layers);
    expect(json(project, 0, 'verify', '--repair').repaired.map(({ subject }: Named) => subject)).toEqual([
      '1.0.0',
      '1.0',
      '1',
    ]);
    expect(named(project, '1.0.0')).toBe(image);
    expect(json(project, 0, 'verify')).toEqual({ ok: true, findings: [] });
  });

  it('compares what it can once the base is gone, and says why it cannot mend', () => {
    renameSync(bases, `${bases}-gone`);
    const { code, stderr } = edgeloop(project, 'verify');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/the image of churn 1\.0\.0 is not built again to compare it: .*bases/),
    });
    dropManifests(project, lockOf(project, '1.0.0').image);
    const { findings, repaired } = json(project, 3, 'verify', '--repair');
    expect(repaired).toEqual([]);
    expect(findings.map(({ code: found, subject }: Named) => [found, subject])).toEqual([
      ['tag-missing', '1.0.0'],
      ['moving-tag-stale', '1.0'],
      ['moving-tag-stale', '1'],
      ['base-image-missing', '1.0.0'],
    ]);
  });
});
