// Every document that Edgeloop writes, into a folder and into a registry, against the JSON Schemas of the OCI.
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
import { findImageSpec } from '../tooling/find.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const SCHEMAS = findImageSpec();
type Schema = 'image-manifest' | 'image-index' | 'config' | 'image-layout';

/** What it is, the schema for it, and a change that makes it wrong. */
const DOCUMENTS: [string, Schema, Record<string, unknown>][] = [
  ['ModelPack manifest', 'image-manifest', { layers: [] }],
  ['verdict', 'image-manifest', { subject: { digest: 'sha256:00' } }],
  ['image index', 'image-index', { manifests: [{ platform: { os: 'linux' } }] }],
  ['image manifest', 'image-manifest', { config: undefined }],
  ['image configuration', 'config', { rootfs: { type: 'folders', diff_ids: [] } }],
  ['referrers tag', 'image-index', { schemaVersion: 1 }],
  ['oci-layout', 'image-layout', { imageLayoutVersion: '2.0.0' }],
  ['index.json', 'image-index', { annotations: { x: 1 } }],
];

describe.skipIf(SCHEMAS === undefined || !available('docker-registry'))('image-spec 1.1', () => {
  let documents: Record<string, unknown>;
  beforeAll(async () => void (documents = await writeDocuments()));

  it.each(DOCUMENTS)('finds nothing wrong with the %s, and notices if there were', (name, schema, wrong) => {
    const document = documents[name];
    const validate = validator(schema);
    expect({ valid: validate(document), errors: validate.errors }).toEqual({ valid: true, errors: null });
    expect(validate(Object.assign({}, document, wrong))).toBe(false);
  });
});

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
  for (const file of readdirSync(SCHEMAS ?? '')) {
    const { $schema: _, ...content } = JSON.parse(
      readFileSync(join(SCHEMAS ?? '', file), 'utf8'),
      (key, value) => (key === 'id' && typeof value === 'string' ? undefined : value),
    );
    ajv.addSchema({ ...content, $id: `https://image-spec.test/${file}` });
  }
  const found = ajv.getSchema(`https://image-spec.test/${schema}-schema.json`);
  if (found === undefined) throw new Error(`image-spec has no schema ${schema}`);
  return found;
}
