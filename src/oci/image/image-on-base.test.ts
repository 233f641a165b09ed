import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type BaseImage, readBaseImage } from './base-image.ts';
import { type BuiltImage, buildImage, pushImage } from './image.ts';
import { openLayoutRepository } from '../layout/layout.ts';
import { packModel, type PackedModel, pushModel } from '../model/modelpack.ts';
import type { Repository } from '../repository.ts';
import { DOCKER, pushBaseIndex, pushBaseManifest } from '../../../test/fixtures/base-image.ts';
import { blobFrom, MODEL_FILES, scratchFolder, writeFiles } from '../../../test/fixtures/oci-layout.ts';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const json = (bytes: Uint8Array | undefined): unknown =>
  JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array()));

const DEBIAN = {
  // Not in the order of the alphabet, nor in that of any schema of ours.
  'com.example.unknown': [1],
  created: '2026-01-02T03:04:05.678Z',
  config: { Env: ['PATH=/bin'], Entrypoint: ['/bin/sh'], User: '1000', WorkingDir: '/srv' },
  history: [{ created: '2026-01-02T03:04:05Z', created_by: 'ADD rootfs' }],
};

interface Setting {
  model: Repository;
  bases: Repository;
  packed: PackedModel;
}

async function setting(folder: string): Promise<Setting> {
  const files = await writeFiles(join(folder, 'model'), MODEL_FILES);
  const packed = await packModel(files, { model: 'churn' });
  const model = openLayoutRepository(join(folder, 'churn'));
  await pushModel(model, packed, { tag: 'in-1' });
  return { model, bases: openLayoutRepository(join(folder, 'bases')), packed };
}

async function pushDebian(bases: Repository, ...architectures: string[]): Promise<BaseImage> {
  const entries = [];
  for (const architecture of architectures) {
    const layers = [text('shared by both'), text(`only ${architecture}`)];
    const manifest = await pushBaseManifest(bases, layers, { ...DEBIAN, architecture }, { dialect: DOCKER });
    entries.push({ ...manifest, platform: { os: 'linux', architecture } });
  }
  await pushBaseIndex(bases, entries, { dialect: DOCKER, tag: '13' });
  return readBaseImage(bases, 'docker.io/library/debian:13', '13');
}

const build = ({ model, packed }: Setting, base: BaseImage): Promise<BuiltImage> =>
  buildImage(model, packed.descriptor, { model: 'churn', version: '1.2.3', base });

describe('the runnable image on a base', () => {
  it('is the base and the model’s layers after it', async () => {
    await using scratch = await scratchFolder();
    const here = await setting(scratch.path);
    const base = await pushDebian(here.bases, 'amd64', 'arm64');
    const image = await build(here, base);
    const modelLayers = here.packed.blobs.slice(1).map((blob) => blob.descriptor);
    const names = {
      'org.opencontainers.image.base.name': 'docker.io/library/debian:13',
      'org.opencontainers.image.base.digest': base.digest,
    };
    expect(json(image.index.bytes)).toMatchObject({ manifests: { length: 2 }, annotations: names });
    for (const [at, architecture] of ['amd64', 'arm64'].entries()) {
      const baseLayers = [text('shared by both'), text(`only ${architecture}`)];
      expect(json(image.manifests[at]?.bytes)).toMatchObject({
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { mediaType: 'application/vnd.oci.image.config.v1+json' },
        layers: [
          ...baseLayers.map(
            (layer) => blobFrom(gzipSync(layer), 'application/vnd.oci.image.layer.v1.tar+gzip').descriptor,
          ),
          ...modelLayers.map(({ digest, size }) => ({
            mediaType: 'application/vnd.oci.image.layer.v1.tar',
            digest,
            size,
          })),
        ],
        annotations: { 'dev.edgeloop.version': '1.2.3', ...names },
      });
      expect(json(image.configs[at]?.bytes)).toEqual({
        ...DEBIAN,
        architecture,
        os: 'linux',
        rootfs: {
          type: 'layers',
          diff_ids: [...baseLayers.map((layer) => blobFrom(layer).descriptor), ...modelLayers].map(
            ({ digest }) => digest,
          ),
        },
        history: [
          ...DEBIAN.history,
          ...['edgeloop.json', 'golden.json', 'model.onnx', 'model.onnx.data'].map((file) => ({
            created_by: `edgeloop: models/churn/1/${file}`,
          })),
        ],
      });
    }
  });

  it('has a digest that depends on nothing but its inputs, the order of keys among them', async () => {
    await using one = await scratchFolder();
    await using other = await scratchFolder();
    const [first, second] = await Promise.all(
      [one, other].map(async ({ path }) => {
        const here = await setting(path);
        return build(here, await pushDebian(here.bases, 'amd64', 'arm64'));
      }),
    );
    expect(first?.index).toEqual(second?.index);
    expect(Object.keys(Object(json(first?.configs[0]?.bytes)))).toEqual([
      'os',
      'rootfs',
      'com.example.unknown',
      'created',
      'config',
      'history',
      'architecture',
    ]);
  });

  it('is for the platforms that the base has, and has no history when it has none', async () => {
    await using scratch = await scratchFolder();
    const here = await setting(scratch.path);
    const config = { architecture: 'arm64', variant: 'v8', config: {} };
    const { digest } = await pushBaseManifest(here.bases, [text('a')], config);
    const image = await build(here, await readBaseImage(here.bases, 'oci:bases', digest));
    expect(json(image.index.bytes)).toMatchObject({
      manifests: [
        {
          ...image.manifests[0]?.descriptor,
          platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
        },
      ],
      annotations: { 'org.opencontainers.image.base.digest': digest },
    });
    expect(json(image.configs[0]?.bytes)).not.toHaveProperty('history');
  });

  it('brings along what is missing of the base, each layer once, and says where it comes from', async () => {
    await using scratch = await scratchFolder();
    const here = await setting(scratch.path);
    const image = await build(here, await pushDebian(here.bases, 'amd64', 'arm64'));
    expect(image.baseLayers.map(({ origin }) => origin)).toEqual(Array(3).fill(here.bases.name));
    expect(await pushImage(here.model, image, ['1.2.3'])).toEqual(image.index.descriptor);
    for (const content of ['shared by both', 'only amd64', 'only arm64']) {
      const { descriptor } = blobFrom(gzipSync(text(content)));
      const bytes = Buffer.concat(await Array.fromAsync(here.model.readBlob(descriptor)));
      expect(bytes.equals(gzipSync(text(content)))).toBe(true);
    }
  });
});
