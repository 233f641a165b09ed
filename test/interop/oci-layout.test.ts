// Other people's tools read what Edgeloop writes into a folder, and Edgeloop reads what they write.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type BuiltImage,
  buildImage,
  openLayoutRegistry,
  openLayoutRepository,
  packModel,
  pullModel,
  pushImage,
  pushModel,
  readImage,
  type Repository,
  writeArtifact,
} from '../../src/oci/index.ts';
import { findTool } from '../tooling/find.ts';

const run = promisify(execFile);
const FILES = { 'model.onnx': 'a graph', 'edgeloop.json': '{"model":"churn"}\n', 'golden.json': '[]\n' };

const SKOPEO = findTool('skopeo');
const CRANE = findTool('crane');
const skopeo = (...args: string[]): Promise<{ stdout: string }> => run(SKOPEO ?? 'skopeo', args);
const crane = (...args: string[]): Promise<{ stdout: string }> => run(CRANE ?? 'crane', args);

let folder: string;
let layout: string;
let repository: Repository;
let image: BuiltImage;
let modelDigest: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgeloop-interop-'));
  await mkdir(join(folder, 'model'));
  for (const [name, content] of Object.entries(FILES)) await writeFile(join(folder, 'model', name), content);
  layout = join(folder, 'registry', 'churn');
  repository = openLayoutRegistry(join(folder, 'registry')).repository('churn');
  const packed = await packModel(join(folder, 'model'), { model: 'churn' });
  modelDigest = (await pushModel(repository, packed, { tag: '1.0.0-model' })).digest;
  image = await buildImage(repository, packed.descriptor, { model: 'churn', version: '1.0.0' });
  await pushImage(repository, image, ['1.0.0', '1.0', '1']);
  await writeArtifact(repository, {
    artifactType: 'application/vnd.edgeloop.verdict.v1+json',
    mediaType: 'application/json',
    bytes: new TextEncoder().encode('{"outcome":"first"}'),
    subject: packed.descriptor,
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(SKOPEO === undefined)('skopeo', () => {
  it('inspects the runnable image for both architectures', async () => {
    for (const [at, architecture] of ['amd64', 'arm64'].entries()) {
      const { stdout } = await skopeo('--override-arch', architecture, 'inspect', `oci:${layout}:1.0.0`);
      expect(JSON.parse(stdout)).toMatchObject({
        Architecture: architecture,
        Os: 'linux',
        Layers: JSON.parse(Buffer.from(image.manifests[at]?.bytes ?? []).toString()).layers.map(
          (layer: { digest: string }) => layer.digest,
        ),
      });
    }
  });

  it('copies an image byte for byte, and its layers unpack to the model', async () => {
    const copy = join(folder, 'copy');
    await skopeo(
      'copy',
      '--preserve-digests',
      '--override-arch',
      'amd64',
      '--insecure-policy',
      `oci:${layout}:1.0.0`,
      `dir:${copy}`,
    );
    expect(await readFile(join(copy, 'manifest.json'))).toEqual(Buffer.from(image.manifests[0]?.bytes ?? []));
    const manifest = JSON.parse(await readFile(join(copy, 'manifest.json'), 'utf8'));
    for (const layer of manifest.layers)
      await run('tar', ['-xf', join(copy, layer.digest.slice(7)), '-C', folder]);
    for (const [name, content] of Object.entries(FILES)) {
      expect(await readFile(join(folder, 'models/churn/1', name), 'utf8')).toBe(content);
    }
  });

  it('makes an archive that container engines load', async () => {
    const archive = join(folder, 'image.tar');
    await skopeo(
      'copy',
      '--override-arch',
      'arm64',
      '--insecure-policy',
      `oci:${layout}:1.0.0`,
      `docker-archive:${archive}:churn:1.0.0`,
    );
    const { stdout } = await run('tar', ['-xOf', archive, 'manifest.json']);
    expect(JSON.parse(stdout)).toMatchObject([
      { RepoTags: ['docker.io/library/churn:1.0.0'], Layers: { length: 3 } },
    ]);
  });

  it('writes a layout that Edgeloop reads, model and image', async () => {
    const other = join(folder, 'other', 'churn');
    await mkdir(join(folder, 'other'));
    for (const tag of ['1.0.0', '1.0.0-model']) {
      await skopeo(
        'copy',
        '--all',
        '--preserve-digests',
        '--insecure-policy',
        `oci:${layout}:${tag}`,
        `oci:${other}:${tag}`,
      );
    }
    const theirs = openLayoutRepository(other);
    expect(await theirs.tags()).toEqual(['1.0.0', '1.0.0-model']);
    expect(await readImage(theirs, '1.0.0')).toMatchObject({ version: '1.0.0', modelManifest: modelDigest });
    await pullModel(theirs, modelDigest, join(folder, 'from-skopeo'));
    expect(await readFile(join(folder, 'from-skopeo', 'model.onnx'), 'utf8')).toBe(FILES['model.onnx']);
  });
});

describe.skipIf(CRANE === undefined)('crane', () => {
  it('pushes the whole layout, and validates and reads what is in it', async () => {
    await using registry = await serveRegistry();
    await crane('push', '--index', layout, `${registry.host}/churn:all`);
    const at = (digest: string): string => `${registry.host}/churn@${digest}`;
    const { digest } = image.index.descriptor;
    expect((await crane('manifest', at(digest))).stdout.trimEnd()).toBe(
      Buffer.from(image.index.bytes).toString(),
    );
    // Without --fast crane takes every layer for gzip; the layers' bytes are read by `export` and `pull` below.
    await crane('validate', '--fast', '--remote', at(digest));
    for (const manifest of image.manifests)
      await crane('validate', '--fast', '--remote', at(manifest.descriptor.digest));
    const config = JSON.parse((await crane('config', '--platform', 'linux/arm64', at(digest))).stdout);
    expect(config).toMatchObject({ architecture: 'arm64', os: 'linux' });
    const model = JSON.parse((await crane('manifest', at(modelDigest))).stdout);
    expect(model.artifactType).toBe('application/vnd.cncf.model.manifest.v1+json');
    const { stdout } = await crane('export', '--platform', 'linux/amd64', at(digest), '-');
    expect(stdout).toContain('models/churn/1/model.onnx');

    const pulled = join(folder, 'crane', 'churn');
    await crane('pull', '--format', 'oci', at(modelDigest), pulled);
    await pullModel(openLayoutRepository(pulled), modelDigest, join(folder, 'from-crane'));
    expect(await readFile(join(folder, 'from-crane', 'model.onnx'), 'utf8')).toBe(FILES['model.onnx']);
  });
});

/** `crane registry serve` on a free loopback port, in memory. */
async function serveRegistry(): Promise<{ host: string } & AsyncDisposable> {
  const server = spawn(CRANE ?? 'crane', ['registry', 'serve', '--address', '127.0.0.1:0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const host = await new Promise<string>((resolve, reject) => {
    let log = '';
    server.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      const port = /serving on port (\d+)/i.exec(log)?.[1];
      if (port !== undefined) resolve(`127.0.0.1:${port}`);
    });
    server.on('exit', () => reject(new Error(`crane registry serve ended: ${log}`)));
  });
  return {
    host,
    async [Symbol.asyncDispose]() {
      server.kill();
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    },
  };
}
