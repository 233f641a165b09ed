// Every document that Edgeloop writes, into a folder and into a registry, against the JSON Schemas of OCI and ModelPack.
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  buildImage,
  openLayoutRepository,
  openReference,
  packModel,
  parseReference,
  pushImage,
  pushModel,
  writeArtifact,
} from '../../src/oci/index.ts';
import { MODEL_FILES, scratchFolder, writeFiles } from '../fixtures/oci-layout.ts';
import { available, startRegistry } from '../fixtures/registries.ts';
import { findSchemas } from '../tooling/find.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const SCHEMAS = findSchemas();
type Schema = 'image-manifest' | 'image-index' | 'config' | 'image-layout' | 'model-config';

/** What it is, the schema for it, and a change that makes it wrong. */
const DOCUMENTS: [string, Schema, Record<string, unknown>][] = [
  ['ModelPack manifest', 'image-manifest', { layers: [] }],
  ['ModelPack configuration', 'model-config', { modelfs: { type: 'layers' } }],
  ['verdict', 'image-manifest', { subject: { digest: 'sha256:00' } }],
  ['image index', 'image-index', { manifests: [{ platform: { os: 'linux' } }] }],
  ['image manifest', 'image-manifest', { config: undefined }],
  ['image configuration', 'config', { rootfs: { type: 'folders', diff_ids: [] } }],
  ['referrers tag', 'image-index', { schemaVersion: 1 }],
  ['oci-layout', 'image-layout', { imageLayoutVersion: '2.0.0' }],
  ['index.json', 'image-index', { annotations: { x: 1 } }],
];

describe.skipIf(SCHEMAS === undefined || !available('docker-registry'))(
  'image-spec 1.1 and model-spec 0.0.7',
  () => {
    let documents: Record<string, unknown>;
    beforeAll(async () => void (documents = await writeDocuments()));

    it.each(DOCUMENTS)(
      'finds nothing wrong with the %s, and notices if there were',
      (name, schema, wrong) => {
        const document = documents[name];
        const validate = validator(schema);
        expect({ valid: validate(document), errors: validate.errors }).toEqual({ valid: true, errors: null });
        expect(validate(Object.assign({}, document, wrong))).toBe(false);
      },
    );
  },
);

/** Writes a release with its verdict, and returns the documents as they lie in a folder and in a registry. */
async function writeDocuments(): Promise<Record<string, unknown>> {
  await using scratch = await scratchFolder();
  await using registry = await startRegistry('docker-registry');
  const layout = join(scratch.path, 'layout');
  const packed = await packModel(await writeFiles(join(scratch.path, 'model'), MODEL_FILES), {
    model: 'churn',
  });
  const verdict = {
    artifactType: 'application/vnd.edgeloop.verdict.v1+json',
    mediaType: 'application/vnd.edgeloop.verdict.v1+json',
    bytes: Buffer.from('{}'),
    subject: packed.descriptor,
    annotations: { outcome: 'pass' },
  };
  const remote = openReference(parseReference(`${registry.host}/churn`));
  await pushModel(remote, packed);
  await writeArtifact(remote, verdict);

  const repository = openLayoutRepository(layout);
  await pushModel(repository, packed, { tag: '1.0.0-model' });
  const image = await buildImage(repository, packed.descriptor, { model: 'churn', version: '1.0.0' });
  await pushImage(repository, image, ['1.0.0', '1.0', '1']);
  const { digest } = await writeArtifact(repository, verdict);

  const lies = async (file: string): Promise<unknown> =>
    JSON.parse(await readFile(join(layout, file), 'utf8'));
  const blob = (named: string | undefined): Promise<unknown> => lies(`blobs/sha256/${named?.slice(7)}`);
  const tag = packed.descriptor.digest.replace(':', '-');
  return {
    'ModelPack manifest': await blob(packed.descriptor.digest),
    'ModelPack configuration': await blob(packed.blobs[0]?.descriptor.digest),
    verdict: await blob(digest),
    'image index': await blob(image.index.descriptor.digest),
    'image manifest': await blob(image.manifests[0]?.descriptor.digest),
    'image configuration': await blob(image.configs[0]?.descriptor.digest),
    'referrers tag': await (
      await fetch(`${registry.url}/v2/churn/manifests/${tag}`, { headers: { accept: INDEX } })
    ).json(),
    'oci-layout': await lies('oci-layout'),
    'index.json': await lies('index.json'),
  };
}

function validator(schema: Schema): ValidateFunction {
  // Draft 4, of which only `id` means something else today; `media` says nothing that can be checked.
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const folder of SCHEMAS ?? []) {
    for (const file of readdirSync(folder)) {
      const { $schema: _, ...content } = JSON.parse(readFileSync(join(folder, file), 'utf8'), (key, value) =>
        key === 'id' && typeof value === 'string' ? undefined : value,
      );
      // Both have a config-schema.json.
      const name = folder.includes('model-spec') ? `model-${file}` : file;
      ajv.addSchema({ ...content, $id: `https://schemas.test/${name}` });
    }
  }
  const found = ajv.getSchema(`https://schemas.test/${schema}-schema.json`);
  if (found === undefined) throw new Error(`there is no schema ${schema}`);
  return found;
}
