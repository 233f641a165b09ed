import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type BuiltImage, buildImage, pushImage, readImage } from './image.ts';
import { openLayoutRepository } from '../layout/layout.ts';
import { packModel, type PackedModel, pushModel } from '../model/modelpack.ts';
import type { Repository } from '../repository.ts';
import { MODEL_FILES, scratchFolder, writeFiles } from '../../../test/fixtures/oci-layout.ts';

async function releasable(
  folder: string,
  graph = 'a graph',
): Promise<{ repository: Repository; packed: PackedModel }> {
  const files = await writeFiles(join(folder, 'model'), { ...MODEL_FILES, 'model.onnx': graph });
  const packed = await packModel(files, {
    model: 'churn',
    annotations: { 'dev.edgeloop.input-key': '00ff' },
  });
  const repository = openLayoutRepository(join(folder, 'layout'));
  await pushModel(repository, packed, { tag: `in-${graph.length}` });
  return { repository, packed };
}

const json = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

describe('the runnable image', () => {
  it('shares every layer with the model, for amd64 and arm64, and says what it is', async () => {
    await using scratch = await scratchFolder();
    const { repository, packed } = await releasable(scratch.path);
    const image = await buildImage(repository, packed.descriptor, {
      model: 'churn',
      version: '1.2.3',
      annotations: { 'org.opencontainers.image.revision': 'abc' },
    });
    const layers = packed.blobs.slice(1).map((blob) => blob.descriptor);
    expect(json(image.index.bytes)).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        { ...image.manifests[0]?.descriptor, platform: { architecture: 'amd64', os: 'linux' } },
        { ...image.manifests[1]?.descriptor, platform: { architecture: 'arm64', os: 'linux' } },
      ],
      annotations: {
        'dev.edgeloop.input-key': '00ff',
        'dev.edgeloop.model': 'churn',
        'dev.edgeloop.model-manifest': packed.descriptor.digest,
        'dev.edgeloop.version': '1.2.3',
        'org.opencontainers.image.revision': 'abc',
        'org.opencontainers.image.title': 'churn',
        'org.opencontainers.image.version': '1.2.3',
      },
    });
    expect(json(image.manifests[1]?.bytes ?? new Uint8Array())).toMatchObject({
      config: image.configs[1]?.descriptor,
      layers: layers.map(({ digest, size }) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        digest,
        size,
      })),
    });
    expect(json(image.configs[1]?.bytes ?? new Uint8Array())).toEqual({
      architecture: 'arm64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
    });
  });

  it('has a digest that is known before anything is written', async () => {
    await using scratch = await scratchFolder();
    const { repository, packed } = await releasable(scratch.path);
    const build = (): Promise<BuiltImage> =>
      buildImage(repository, packed.descriptor, { model: 'churn', version: '1.0.0' });
    const image = await build();
    expect(await repository.readManifest(image.index.descriptor.digest)).toBeUndefined();
    expect(await pushImage(repository, image, ['1.0.0'])).toEqual(image.index.descriptor);
    expect((await build()).index).toEqual(image.index);
    expect((await repository.resolve('1.0.0'))?.digest).toBe(image.index.descriptor.digest);
    expect(image.index.descriptor.digest).toBe(
      'sha256:3f247fef124933445336d568b2964508cf7b42c4b6a704b3402ada44df9dc0bb',
    );
  });

  it('moves X and X.Y, never X.Y.Z', async () => {
    await using scratch = await scratchFolder();
    const { repository, packed } = await releasable(scratch.path);
    const first = await buildImage(repository, packed.descriptor, { model: 'churn', version: '1.0.0' });
    await pushImage(repository, first, ['1.0.0', '1.0', '1']);
    const other = await releasable(scratch.path, 'another graph');
    const second = await buildImage(repository, other.packed.descriptor, {
      model: 'churn',
      version: '1.0.1',
    });
    await pushImage(repository, second, ['1.0.1', '1.0', '1']);
    expect(await readImage(repository, '1.0')).toMatchObject({
      version: '1.0.1',
      modelManifest: other.packed.descriptor.digest,
    });
    expect(await readImage(repository, '1.0.0')).toMatchObject({
      version: '1.0.0',
      modelManifest: packed.descriptor.digest,
    });
    await expect(pushImage(repository, second, ['1.0.0'])).rejects.toMatchObject({ code: 'tag-exists' });
    expect(await readImage(repository, '1.0.0')).toMatchObject({ version: '1.0.0' });
  });

  it('is told from what is not one', async () => {
    await using scratch = await scratchFolder();
    const { repository } = await releasable(scratch.path);
    expect(await readImage(repository, '9.9.9')).toBeUndefined();
    await expect(readImage(repository, 'in-7')).rejects.toMatchObject({ code: 'manifest-invalid' });
    const empty = new TextEncoder().encode('{"schemaVersion":2,"manifests":[]}');
    await repository.writeManifest(empty, { tag: 'empty' });
    await expect(readImage(repository, 'empty')).rejects.toMatchObject({ code: 'not-an-image' });
  });
});
