import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { encodeJson } from '../canonical-json.ts';
import { openLayoutRepository } from '../layout/layout.ts';
import { MODEL_CONFIG, MODEL_FILEPATH, MODEL_MANIFEST, OCI_MANIFEST } from '../media-types.ts';
import { pullModel } from './pull-model.ts';
import { blobFrom, scratchFolder } from '../../../test/fixtures/oci-layout.ts';

interface Layer {
  content: string;
  mediaType?: string;
  annotations?: Record<string, string>;
}

/** Pulls a model of such layers, and returns its files. */
async function pulled(...layers: Layer[]): Promise<Record<string, string>> {
  await using scratch = await scratchFolder();
  const repository = openLayoutRepository(join(scratch.path, 'layout'));
  const config = blobFrom(Buffer.from('{}'), MODEL_CONFIG);
  const blobs = layers.map(({ content, mediaType = 'application/vnd.cncf.model.weight.v1.raw' }) =>
    blobFrom(Buffer.from(content), mediaType),
  );
  for (const blob of [config, ...blobs]) await repository.writeBlob(blob);
  const { digest } = await repository.writeManifest(
    encodeJson({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: MODEL_MANIFEST,
      config: config.descriptor,
      layers: blobs.map(({ descriptor }, index) =>
        Object.assign(descriptor, { annotations: layers[index]?.annotations ?? {} }),
      ),
    }),
  );
  const target = join(scratch.path, 'target');
  await pullModel(repository, digest, target);
  const names = (await readdir(target, { recursive: true })).filter((name) => !name.startsWith('.'));
  const files = names.map(async (name) => [name, await readFile(join(target, name), 'utf8').catch(() => '')]);
  return Object.fromEntries(await Promise.all(files));
}

it('takes a layer that is one file as it is, called as its annotations say', async () => {
  expect(
    await pulled(
      { content: 'onnx', annotations: { [MODEL_FILEPATH]: 'models/churn/1/model.onnx' } },
      { content: 'weights', annotations: { 'org.opencontainers.image.title': 'part/weights.bin' } },
      // The same bytes, and so the same blob, under two names.
      { content: '', annotations: { [MODEL_FILEPATH]: 'one.txt' } },
      { content: '', annotations: { [MODEL_FILEPATH]: 'other.txt' } },
    ),
  ).toEqual({
    'model.onnx': 'onnx',
    part: '',
    'part/weights.bin': 'weights',
    'one.txt': '',
    'other.txt': '',
  });
});

it.each<[string, Layer, string]>([
  ['without a name', { content: 'x' }, 'layer-unsafe'],
  ['called upwards', { content: 'x', annotations: { [MODEL_FILEPATH]: '../x' } }, 'layer-unsafe'],
  ['called from the root', { content: 'x', annotations: { [MODEL_FILEPATH]: '/etc/x' } }, 'layer-unsafe'],
  [
    'that would mark itself complete',
    { content: '{}', annotations: { [MODEL_FILEPATH]: '.edgeloop-pulled.json' } },
    'layer-unsafe',
  ],
  [
    'that is compressed',
    { content: 'x', mediaType: 'application/vnd.cncf.model.weight.v1.tar+gzip' },
    'layer-compressed',
  ],
])('refuses a layer %s', async (_, layer, code) => {
  await expect(pulled(layer)).rejects.toMatchObject({ code, exitCode: 3 });
});
