import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseBaseName, readBaseImage } from './base-image.ts';
import { encodeJson } from '../canonical-json.ts';
import type { Descriptor } from '../descriptor.ts';
import { openLayoutRepository } from '../layout/layout.ts';
import type { Repository } from '../repository.ts';
import { DOCKER, OCI, pushBaseIndex, pushBaseManifest } from '../../../test/fixtures/base-image.ts';
import { scratchFolder } from '../../../test/fixtures/oci-layout.ts';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const AMD64 = { architecture: 'amd64' };
const D = `sha256:${'0'.repeat(64)}`;

async function scratch(): Promise<{ path: string; repository: Repository } & AsyncDisposable> {
  const folder = await scratchFolder();
  return { ...folder, repository: openLayoutRepository(join(folder.path, 'bases')) };
}
const read = (repository: Repository, descriptor: Descriptor) =>
  readBaseImage(repository, 'bases:1', descriptor.digest);
const on = (descriptor: Descriptor, architecture: string, more: object = {}): Descriptor => ({
  ...descriptor,
  platform: { os: 'linux', architecture, ...more },
});

describe('the name of a base image', () => {
  it('has a tag, a digest, or both, of which the digest decides', () => {
    const place = { kind: 'registry', host: 'docker.io', repository: 'library/debian' };
    const name = 'docker.io/library/debian';
    expect(parseBaseName(`${name}:13`)).toEqual({ name: `${name}:13`, reference: { ...place, tag: '13' } });
    expect(parseBaseName(`${name}@${D}`)).toEqual({ name, reference: { ...place, digest: D } });
    expect(parseBaseName(`${name}:13@${D}`)).toEqual({
      name: `${name}:13`,
      reference: { ...place, tag: '13', digest: D },
    });
    expect(parseBaseName(`oci:a/b:13@${D}`)).toMatchObject({
      name: 'oci:a/b:13',
      reference: { folder: 'a/b', digest: D },
    });
  });

  it.each([
    ['docker.io/library/debian', 'base-image-unnamed'],
    ['oci:bases', 'base-image-unnamed'],
    ['debian:13', 'reference-invalid'],
    ['docker.io/library/debian@sha256:00', 'reference-invalid'],
    [`docker.io/library/debian@${D}@${D}`, 'base-image-unnamed'],
  ])('is refused without them or a host: %s', (name, code) => {
    expect(() => parseBaseName(name)).toThrow(expect.objectContaining({ code, exitCode: 2 }));
  });
});

describe('a base image', () => {
  it.each([
    ['OCI', OCI],
    ['Docker', DOCKER],
  ])('is an index of %s, and what is for other platforms is passed over', async (_, dialect) => {
    await using folder = await scratch();
    const { repository } = folder;
    const push = (architecture: string, more: object = {}) =>
      pushBaseManifest(repository, [text(architecture)], { architecture, ...more }, { dialect });
    const arm = await push('arm64', { variant: 'v8' });
    const index = await pushBaseIndex(
      repository,
      [
        on(await push('riscv64'), 'riscv64'),
        on(arm, 'arm64', { variant: 'v8' }),
        on(await push('amd64', { variant: 'v3' }), 'amd64', { variant: 'v3' }),
        on(await push('amd64'), 'amd64'),
        { ...arm, platform: { os: 'unknown', architecture: 'unknown' } },
        arm,
      ],
      { dialect, tag: '13' },
    );
    const base = await readBaseImage(repository, 'bases:13', '13');
    expect(base).toMatchObject({ name: 'bases:13', digest: index.digest });
    expect(base.platforms.map(({ os, architecture, variant }) => [os, architecture, variant])).toEqual([
      ['linux', 'amd64', undefined],
      ['linux', 'arm64', 'v8'],
    ]);
    for (const { layers } of base.platforms)
      expect(layers).toMatchObject([{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' }]);
  });

  it('is a single manifest, for the platform that its configuration names', async () => {
    await using folder = await scratch();
    const config = { architecture: 'arm64', config: { Env: ['A=1'] }, 'com.example.more': { kept: true } };
    const manifest = await pushBaseManifest(folder.repository, [text('a')], config, { dialect: DOCKER });
    const { digest, platforms } = await read(folder.repository, manifest);
    expect(digest).toBe(manifest.digest);
    expect(platforms).toMatchObject([{ architecture: 'arm64', config, diffIds: { length: 1 } }]);
  });

  it('takes the oldest processors of an architecture when all have a variant that is not every one’s', async () => {
    await using folder = await scratch();
    const manifest = await pushBaseManifest(folder.repository, [text('a')], {
      architecture: 'amd64',
      variant: 'v2',
    });
    const index = await pushBaseIndex(folder.repository, [on(manifest, 'amd64', { variant: 'v2' })]);
    expect((await read(folder.repository, index)).platforms).toMatchObject([{ variant: 'v2' }]);
  });

  it.each([
    ['application/vnd.oci.image.layer.v1.tar', 'application/vnd.oci.image.layer.v1.tar'],
    ['application/vnd.oci.image.layer.v1.tar+zstd', 'application/vnd.oci.image.layer.v1.tar+zstd'],
    ['application/vnd.docker.image.rootfs.diff.tar', 'application/vnd.oci.image.layer.v1.tar'],
  ])('may have layers of %s', async (layer, expected) => {
    await using folder = await scratch();
    const dialect = { ...OCI, layer };
    const manifest = await pushBaseManifest(folder.repository, [text('a')], AMD64, { dialect });
    const [platform] = (await read(folder.repository, manifest)).platforms;
    expect(platform?.layers[0]?.mediaType).toBe(expected);
  });
});

describe('what is no base image is refused', () => {
  it('when it is not there', async () => {
    await using folder = await scratch();
    await expect(readBaseImage(folder.repository, 'bases:1', '1')).rejects.toMatchObject({
      code: 'base-image-missing',
    });
  });

  it('when it is for none of our platforms', async () => {
    await using folder = await scratch();
    const manifest = await pushBaseManifest(folder.repository, [text('a')], { architecture: 's390x' });
    const index = await pushBaseIndex(folder.repository, [on(manifest, 's390x'), manifest]);
    for (const [descriptor, named] of [
      [manifest, 'linux/s390x'],
      [index, 'linux/s390x, an unnamed platform'],
      [await pushBaseIndex(folder.repository, []), 'nothing'],
    ] as const) {
      await expect(read(folder.repository, descriptor)).rejects.toMatchObject({
        code: 'base-image-platform-missing',
        exitCode: 3,
        message: expect.stringMatching(new RegExp(`but for ${named}$`)),
      });
    }
  });

  it.each([
    'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    'application/vnd.oci.image.layer.v1.tar+gzip+encrypted',
    'application/vnd.cncf.model.weight.v1.tar',
    'constructor',
  ])('when a layer is of %s', async (layer) => {
    await using folder = await scratch();
    const dialect = { ...OCI, layer };
    const manifest = await pushBaseManifest(folder.repository, [text('a')], AMD64, { dialect });
    await expect(read(folder.repository, manifest)).rejects.toMatchObject({
      code: 'base-image-unsupported',
      exitCode: 3,
      message: expect.stringContaining(layer),
    });
  });

  it('when an index holds an index, whatever it is called there', async () => {
    await using folder = await scratch();
    const manifest = await pushBaseManifest(folder.repository, [text('a')], AMD64);
    const inner = await pushBaseIndex(folder.repository, [on(manifest, 'amd64')]);
    for (const mediaType of [OCI.index, OCI.manifest]) {
      const outer = await pushBaseIndex(folder.repository, [{ ...on(inner, 'amd64'), mediaType }]);
      await expect(read(folder.repository, outer)).rejects.toMatchObject({ code: 'base-image-nested' });
    }
  });

  it.each<[string, string, object, object]>([
    ['its configuration is an artifact’s', 'base-image-unsupported', {}, { config: 'application/vnd.test' }],
    ['it names other layers', 'base-image-invalid', { rootfs: { type: 'layers', diff_ids: [] } }, {}],
    ['it has no layers', 'base-image-invalid', { rootfs: undefined }, {}],
    ['it is for another platform than its index says', 'base-image-invalid', { architecture: 'arm64' }, {}],
    ['it is for another system than its index says', 'base-image-invalid', { os: 'windows' }, {}],
    ['its configuration is too large', 'base-image-unsupported', { more: 'x'.repeat(4 * 1024 * 1024) }, {}],
  ])('when %s', async (_, code, config, dialect) => {
    await using folder = await scratch();
    const { repository } = folder;
    const manifest = await pushBaseManifest(
      repository,
      [text('a')],
      { architecture: 'amd64', ...config },
      { dialect: { ...OCI, ...dialect } },
    );
    const index = await pushBaseIndex(repository, [on(manifest, 'amd64')]);
    await expect(read(repository, index)).rejects.toMatchObject({ code });
  });

  it('when it has more layers than an image can have', async () => {
    await using folder = await scratch();
    const push = (count: number) => {
      const layers = Array.from({ length: count }, (_, at) => text(`${at}`));
      return pushBaseManifest(folder.repository, layers, { architecture: 'amd64' });
    };
    expect((await read(folder.repository, await push(120))).platforms[0]?.layers).toHaveLength(120);
    await expect(read(folder.repository, await push(121))).rejects.toMatchObject({
      code: 'base-image-unsupported',
    });
  });

  it('when its bytes are damaged', async () => {
    await using folder = await scratch();
    const { repository, path } = folder;
    const manifest = await pushBaseManifest(repository, [text('a')], AMD64);
    const document = JSON.parse(
      Buffer.from((await repository.readManifest(manifest.digest))?.bytes ?? []).toString(),
    );
    const damage = (digest: string, bytes: Uint8Array) =>
      writeFile(join(path, 'bases/blobs/sha256', digest.slice('sha256:'.length)), bytes);
    await damage(document.config.digest, encodeJson({ architecture: 'amd64' }));
    await expect(read(repository, manifest)).rejects.toMatchObject({ code: 'digest-mismatch' });
    await damage(manifest.digest, encodeJson({ ...document, layers: [] }));
    await expect(read(repository, manifest)).rejects.toMatchObject({ code: 'digest-mismatch' });
  });
});
