import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pack } from 'tar-stream';
import { encodeJson } from './canonical-json.ts';
import type { Descriptor } from './descriptor.ts';
import { digestOf } from './digest.ts';
import { streamOf } from './durable-file.ts';
import { MODEL_CONFIG, MODEL_MANIFEST, MODEL_WEIGHT, OCI_MANIFEST } from './media-types.ts';
import type { BlobSource, Repository } from './repository.ts';

/** For tests: a new folder that is removed when the scope ends. */
export async function scratchFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'edgeloop-oci-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** For tests: writes files (content by path) in the order given. */
export async function writeFiles(folder: string, files: Record<string, string>): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

/** For tests: a model folder with a bit of everything. */
export const MODEL_FILES = {
  'model.onnx': 'not really a graph',
  'edgeloop.json': '{"schema":"edgeloop.card/v1"}\n',
  'golden.json': '{"samples":[]}\n',
  'model.onnx.data': 'weights that lie outside',
};

/** For tests: bytes as a blob. */
export function blobFrom(bytes: Uint8Array, mediaType = 'application/octet-stream'): BlobSource {
  return {
    descriptor: { mediaType, digest: digestOf(bytes), size: bytes.byteLength },
    open: () => streamOf(bytes),
  };
}

/** For tests: stores a ModelPack manifest whose layers are any bytes at all; returns its digest. */
export async function pushRawModel(
  repository: Repository,
  layers: Uint8Array[],
  change: (descriptor: Descriptor) => Descriptor = (descriptor) => descriptor,
): Promise<string> {
  const config = blobFrom(encodeJson({}), MODEL_CONFIG);
  const blobs = layers.map((bytes) => blobFrom(bytes, MODEL_WEIGHT));
  for (const blob of [config, ...blobs]) await repository.writeBlob(blob);
  const manifest = encodeJson({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: MODEL_MANIFEST,
    config: config.descriptor,
    layers: blobs.map((blob) => change(blob.descriptor)),
  });
  return (await repository.writeManifest(manifest)).digest;
}

/** For tests: a tar made by another writer, with whatever headers. */
export async function foreignTar(
  ...entries: (Parameters<ReturnType<typeof pack>['entry']>[0] & { content?: string })[]
): Promise<Buffer> {
  const packing = pack();
  for (const { content = '', ...header } of entries) packing.entry(header, content);
  packing.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of packing) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** For tests: a tar whose first header says another size than it has. */
export function withFirstSize(tar: Buffer, size: number): Buffer {
  const lying = Buffer.from(tar);
  lying.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  lying.write('        ', 148, 'latin1');
  const checksum = lying.subarray(0, 512).reduce((sum, byte) => sum + byte, 0);
  lying.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return lying;
}
