// Manifests and indexes that were made to do harm, read from a folder and over HTTP: each is refused with a code, and
// what they are read for does not happen.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EdgeloopError } from '../../src/errors.ts';
import {
  digestOf,
  openLayoutRepository,
  openReference,
  parseReference,
  pullModel,
  readImage,
  type Repository,
} from '../../src/oci/index.ts';
import { type FaultProxy, startFaultProxy } from '../fakes/fault-proxy.ts';
import { rawTar } from '../fixtures/hostile-tar.ts';
import { pushRawModel, scratchFolder } from '../fixtures/oci-layout.ts';
import { available, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const SOMETHING = { mediaType: MANIFEST, digest: `sha256:${'0'.repeat(64)}`, size: 2 };
const FACTS = { 'dev.edgeloop.version': '1.0.0', 'dev.edgeloop.model-manifest': SOMETHING.digest };
const GRAPH = rawTar({ path: 'models/churn/1/model.onnx', content: 'a graph' });
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

/** The manifest of a model that can be pulled, to be spoilt. */
interface Whole {
  schemaVersion: number;
  mediaType: string;
  artifactType: string;
  config: Record<string, unknown>;
  layers: Record<string, unknown>[];
}

type Spoil = (whole: Whole) => unknown;
const layer =
  (change: Record<string, unknown>): Spoil =>
  (whole) => ({ ...whole, layers: [{ ...whole.layers[0], ...change }] });
const also =
  (more: object): Spoil =>
  (whole) => ({ ...whole, ...more });

const MODELS: [string, string, Spoil][] = [
  ['of more than 4 MiB', 'manifest-too-large', also({ annotations: { x: 'x'.repeat(4 << 20) } })],
  [
    'with 10,000 layers',
    'too-many-layers',
    (whole) => ({ ...whole, layers: Array(10_000).fill(whole.layers[0]) }),
  ],
  ['with a layer that is longer than it says', 'digest-mismatch', layer({ size: GRAPH.length - 512 })],
  ['with a layer that is shorter than it says', 'digest-mismatch', layer({ size: GRAPH.length + 512 })],
  ['with a layer of 9 PB', 'disk-full', layer({ size: Number.MAX_SAFE_INTEGER })],
  ['with a layer of less than nothing', 'manifest-invalid', layer({ size: -1 })],
  ['with a layer of 1e300 bytes', 'manifest-invalid', layer({ size: 1e300 })],
  ['with a layer of half a byte', 'manifest-invalid', layer({ size: 0.5 })],
  ['with a size in words', 'manifest-invalid', layer({ size: `${GRAPH.length}` })],
  ['with a path as a digest', 'manifest-invalid', layer({ digest: 'sha256:../../../../../etc/passwd' })],
  ['with a digest that nobody checks', 'manifest-invalid', layer({ digest: `md5:${'0'.repeat(32)}` })],
  [
    'whose configuration is a path',
    'manifest-invalid',
    also({ config: { ...SOMETHING, digest: '/etc/passwd' } }),
  ],
  ['of an artifact of another type', 'not-a-model', also({ artifactType: 'application/vnd.test.other' })],
  ['without an artifact type', 'not-a-model', also({ artifactType: undefined })],
  [
    'of another media type',
    'manifest-invalid',
    also({ mediaType: 'application/vnd.docker.distribution.manifest.v2+json' }),
  ],
  ['of another schema version', 'manifest-invalid', also({ schemaVersion: 1 })],
  [
    'that is an index',
    'manifest-invalid',
    () => ({ schemaVersion: 2, mediaType: INDEX, manifests: [SOMETHING] }),
  ],
  ['that is an index too', 'manifest-invalid', also({ manifests: [SOMETHING] })],
  ['that is a list two million deep', 'manifest-invalid', () => Buffer.from(deep(2_000_000))],
  [
    'with a list a million deep as an annotation',
    'manifest-invalid',
    (whole) => Buffer.from(JSON.stringify(whole).replace(/}$/, `,"annotations":{"x":${deep(1_000_000)}}}`)),
  ],
  ['that is cut off', 'manifest-invalid', (whole) => Buffer.from(JSON.stringify(whole)).subarray(0, -1)],
  [
    'that is not UTF-8',
    'manifest-invalid',
    (whole) => Buffer.from(JSON.stringify({ ...whole, x: 'ÿ' }), 'latin1'),
  ],
  ['that is null', 'manifest-invalid', () => null],
];

const IMAGES: [string, string, unknown][] = [
  ['without what it is', 'not-an-image', { schemaVersion: 2, mediaType: INDEX, manifests: [] }],
  [
    'that names a path as its model',
    'not-an-image',
    {
      schemaVersion: 2,
      manifests: [],
      annotations: { ...FACTS, 'dev.edgeloop.model-manifest': 'sha256:../../../../etc/passwd' },
    },
  ],
  [
    'that is a manifest',
    'manifest-invalid',
    { schemaVersion: 2, mediaType: MANIFEST, config: SOMETHING, layers: [], annotations: FACTS },
  ],
  [
    'that is a manifest too',
    'manifest-invalid',
    { schemaVersion: 2, config: SOMETHING, layers: [], manifests: [], annotations: FACTS },
  ],
  [
    'of more than 4 MiB',
    'manifest-too-large',
    { schemaVersion: 2, manifests: [], annotations: { ...FACTS, x: 'x'.repeat(4 << 20) } },
  ],
];

/** A repository that holds a good model's blobs, and answers any manifest at all. */
interface Place {
  repository: Repository;
  /** Answers these bytes for this digest, true or not, and for the tag `1.0.0`. */
  serve(bytes: Uint8Array, digest?: string): Promise<void>;
}

describe('a folder', () => {
  refusesAll(async (scratch) => {
    const folder = join(scratch, 'layout');
    return {
      repository: openLayoutRepository(folder),
      async serve(bytes, digest = digestOf(bytes)) {
        await writeFile(join(folder, 'blobs/sha256', digest.slice(7)), bytes);
        const entry = {
          mediaType: INDEX,
          digest,
          size: 2,
          annotations: { 'org.opencontainers.image.ref.name': '1.0.0' },
        };
        await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
      },
    };
  });
});

describe.skipIf(!available('distribution'))('a registry', () => {
  let server: RunningRegistry;
  let proxy: FaultProxy;
  beforeAll(async () => {
    server = await startRegistry('distribution');
    proxy = await startFaultProxy(server.url);
  });
  afterAll(async () => {
    await proxy.stop();
    await server.stop();
  });

  // The registry itself would refuse many of these.
  const place = async (): Promise<Place> => {
    proxy.heal();
    return {
      repository: openReference(parseReference(`${proxy.host}/churn`)),
      async serve(body) {
        const headers = { 'content-type': MANIFEST };
        proxy.fault(
          { fault: 'answer', status: 200, headers, body },
          { path: /\/manifests\//, times: Infinity },
        );
      },
    };
  };
  refusesAll(place);

  it('refuses what comes as a picture', async () => {
    const { repository } = await place();
    const headers = { 'content-type': 'image/png' };
    proxy.fault(
      { fault: 'answer', status: 200, headers, body: JSON.stringify({}) },
      { path: /\/manifests\// },
    );
    await expect(readImage(repository, '1.0.0')).rejects.toMatchObject({
      code: 'registry-answer-unexpected',
    });
  });
});

function refusesAll(open: (scratch: string) => Promise<Place>): void {
  it.each(MODELS)('refuses a model manifest %s', async (_, code, spoil) => {
    await using scratch = await scratchFolder();
    const { repository, serve } = await open(scratch.path);
    const spoilt = spoil(await goodModel(repository));
    const bytes = spoilt instanceof Uint8Array ? spoilt : Buffer.from(JSON.stringify(spoilt));
    await serve(bytes);
    expect(await pull(repository, digestOf(bytes), scratch.path)).toEqual({ code, strangers: [] });
  });

  it('refuses another manifest than was asked for, an index that names itself too', async () => {
    await using scratch = await scratchFolder();
    const { repository, serve } = await open(scratch.path);
    const { digest } = SOMETHING;
    await serve(Buffer.from(JSON.stringify(await goodModel(repository))), digest);
    expect(await pull(repository, digest, scratch.path)).toEqual({ code: 'digest-mismatch', strangers: [] });
    const itself = { schemaVersion: 2, mediaType: INDEX, manifests: [{ ...SOMETHING, mediaType: INDEX }] };
    await serve(Buffer.from(JSON.stringify({ ...itself, annotations: FACTS })), digest);
    await expect(readImage(repository, digest)).rejects.toMatchObject({ code: 'digest-mismatch' });
  });

  it.each(IMAGES)('refuses an image %s', async (_, code, index) => {
    await using scratch = await scratchFolder();
    const { repository, serve } = await open(scratch.path);
    await goodModel(repository);
    await serve(Buffer.from(JSON.stringify(index)));
    await expect(readImage(repository, '1.0.0')).rejects.toMatchObject({ code });
  });

  it('does not follow what the specification lets a reader ignore', async () => {
    await using scratch = await scratchFolder();
    const { repository, serve } = await open(scratch.path);
    const lies = { ...(await goodModel(repository)).config, size: Number.MAX_SAFE_INTEGER };
    const text = JSON.stringify({ ...(await goodModel(repository)), config: lies });
    // Nothing that a pull needs is in the configuration, and unknown keys are anybody's.
    const bytes = Buffer.from(text.replace(/}$/, `,"__proto__":{"polluted":true},"x":${deep(1_000_000)}}`));
    await serve(bytes);
    await pullModel(repository, digestOf(bytes), join(scratch.path, 'churn'));
    expect(await readFile(join(scratch.path, 'churn/model.onnx'), 'utf8')).toBe('a graph');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
}

/** Stores a good model, and returns its manifest. */
async function goodModel(repository: Repository): Promise<Whole> {
  const found = await repository.readManifest(await pushRawModel(repository, [GRAPH]));
  return JSON.parse(Buffer.from(found?.bytes ?? []).toString());
}

/** Pulls it, and tells what it was refused with and what lies there besides hidden entries beside the target. */
async function pull(
  repository: Repository,
  digest: string,
  scratch: string,
): Promise<{ code: unknown; strangers: string[] }> {
  const parent = join(scratch, 'models');
  await mkdir(parent, { recursive: true });
  const code = await pullModel(repository, digest, join(parent, 'churn')).catch((error: unknown) =>
    error instanceof EdgeloopError ? error.code : error,
  );
  return { code, strangers: (await readdir(parent)).filter((name) => !name.startsWith('.churn')) };
}
