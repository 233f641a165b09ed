// The same repository in registries that others wrote: it does what a folder does, and other tools agree.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildImage,
  digestOfStream,
  openLayoutRegistry,
  openRegistry,
  packModel,
  pullModel,
  pushImage,
  pushModel,
  readImage,
  type Registry,
} from '../../src/oci/index.ts';
import { blobFrom, MODEL_FILES, writeFiles } from '../fixtures/oci-layout.ts';
import { available, type RegistryKind, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';
import { repositoryContract } from '../fixtures/repository-contract.ts';
import { findTool } from '../tooling/find.ts';

const KINDS: RegistryKind[] = ['docker-registry', 'distribution', 'ociregistry'];
const CRANE = findTool('crane');
const run = promisify(execFile);
const crane = (...args: string[]): Promise<{ stdout: string }> => run(CRANE ?? 'crane', args);

for (const kind of KINDS) {
  describe.skipIf(!available(kind))(`a repository in ${kind}`, () => {
    let server: RunningRegistry;
    let registry: Registry;
    beforeAll(async () => {
      server = await startRegistry(kind);
      registry = openRegistry(`${server.host}/models`);
    });
    afterAll(() => server.stop());

    repositoryContract(() => registry);
    describe.skipIf(CRANE === undefined)('beside crane', () => {
      craneAgrees(() => server);
    });
  });
}

// The other one always answers so.
for (const kind of ['docker-registry', 'distribution'] as const) {
  describe.skipIf(!available(kind))(`${kind} with relative Locations`, () => {
    let server: RunningRegistry;
    beforeAll(async () => {
      server = await startRegistry(kind, { relativeUrls: true });
    });
    afterAll(() => server.stop());

    it('takes small and large blobs', async () => {
      const repository = openRegistry(`${server.host}/models`).repository('churn');
      for (const size of [1000, 5 * 1024 * 1024]) {
        const blob = blobFrom(randomBytes(size));
        await repository.writeBlob(blob);
        expect(await digestOfStream(repository.readBlob(blob.descriptor))).toEqual({
          digest: blob.descriptor.digest,
          size,
        });
      }
    });
  });
}

function craneAgrees(server: () => RunningRegistry): void {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-registries-'));
    await writeFiles(join(folder, 'model'), MODEL_FILES);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('reads and validates what we pushed', async () => {
    const repository = openRegistry(`${server().host}/ours`).repository('churn');
    const packed = await packModel(join(folder, 'model'), { model: 'churn' });
    await pushModel(repository, packed, { tag: '1.0.0-model' });
    const image = await buildImage(repository, packed.descriptor, { model: 'churn', version: '1.0.0' });
    await pushImage(repository, image, ['1.0.0', '1']);
    const at = `${server().host}/ours/churn`;
    expect((await crane('manifest', `${at}:1.0.0-model`)).stdout.trimEnd()).toBe(
      Buffer.from(packed.manifest).toString(),
    );
    expect((await crane('digest', `${at}:1`)).stdout.trimEnd()).toBe(image.index.descriptor.digest);
    // Without --fast crane takes every layer for gzip.
    await crane('validate', '--fast', '--remote', `${at}:1.0.0`);
    expect((await crane('ls', at)).stdout.trim().split('\n').toSorted()).toEqual(await repository.tags());
    const { stdout } = await crane('export', '--platform', 'linux/arm64', `${at}:1.0.0`, '-');
    expect(stdout).toContain(MODEL_FILES['model.onnx']);
  });

  it('pushes what we pull', async () => {
    const layouts = openLayoutRegistry(join(folder, 'layouts'));
    const packed = await packModel(join(folder, 'model'), { model: 'churn' });
    await pushModel(layouts.repository('churn'), packed);
    const image = await buildImage(layouts.repository('churn'), packed.descriptor, {
      model: 'churn',
      version: '2.0.0',
    });
    await pushImage(layouts.repository('churn'), image, ['2.0.0']);
    await crane('push', '--index', join(folder, 'layouts/churn'), `${server().host}/theirs/churn:all`);
    const theirs = openRegistry(`${server().host}/theirs`).repository('churn');
    expect(await theirs.tags()).toEqual(['all']);
    await pullModel(theirs, packed.descriptor.digest, join(folder, 'pulled'));
    expect(await readFile(join(folder, 'pulled/model.onnx'), 'utf8')).toBe(MODEL_FILES['model.onnx']);
    await crane('tag', `${server().host}/theirs/churn@${image.index.descriptor.digest}`, '2.0.0');
    expect(await readImage(theirs, '2.0.0')).toMatchObject({
      version: '2.0.0',
      modelManifest: packed.descriptor.digest,
    });
  });
}
