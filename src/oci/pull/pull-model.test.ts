import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeArtifact } from '../artifact.ts';
import { openLayoutRepository } from '../layout.ts';
import { packModel, pushModel } from '../modelpack.ts';
import { readPackedFile } from '../model-manifest.ts';
import { type PullProgress, pullModel } from './pull-model.ts';
import type { Repository } from '../repository.ts';
import {
  foreignTar,
  MODEL_FILES,
  pushRawModel,
  scratchFolder,
  withFirstSize,
  writeFiles,
} from '../../../test/fixtures/oci-layout.ts';

interface Scene extends AsyncDisposable {
  repository: Repository;
  /** Does not exist yet; nothing else lies beside it. */
  target: string;
  /** The folder that holds the target alone. */
  parent: string;
  layout: string;
  digest: string;
}

/** A model in a layout, and a place to pull it to. */
async function scene(): Promise<Scene> {
  const scratch = await scratchFolder();
  const layout = join(scratch.path, 'layout');
  const repository = openLayoutRepository(layout);
  const folder = await writeFiles(join(scratch.path, 'model'), MODEL_FILES);
  const { digest } = await pushModel(repository, await packModel(folder, { model: 'churn' }));
  const parent = join(scratch.path, 'device');
  await writeFiles(parent, {});
  return {
    repository,
    layout,
    digest,
    parent,
    target: join(parent, 'churn'),
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  };
}

const entriesOf = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

describe('pullModel', () => {
  it('puts the model files themselves into the target, and reuses them the next time', async () => {
    await using at = await scene();
    const seen: PullProgress[] = [];
    const first = await pullModel(at.repository, at.digest, at.target, {
      onProgress: (progress) => seen.push(progress),
    });
    for (const [name, content] of Object.entries(MODEL_FILES)) {
      expect(await readFile(join(at.target, name), 'utf8')).toBe(content);
    }
    expect((await readdir(at.target)).toSorted()).toEqual(
      ['.edgeloop-pulled.json', ...Object.keys(MODEL_FILES)].toSorted(),
    );
    expect(await readdir(at.parent)).toEqual(['churn']);
    expect(first).toMatchObject({ digest: at.digest, transferred: first.bytes, reused: 0 });
    expect(seen.at(-1)).toEqual({ received: seen[0]?.total, total: seen[0]?.total });
    expect(await pullModel(at.repository, at.digest, at.target)).toEqual({
      ...first,
      transferred: 0,
      reused: first.bytes,
    });
  });

  it('leaves alone what it did not put there, and does not believe a copy that lost a file', async () => {
    await using at = await scene();
    await writeFiles(at.target, { 'mine.txt': 'mine' });
    await expect(pullModel(at.repository, at.digest, at.target)).rejects.toMatchObject({
      code: 'target-exists',
    });
    expect(await readdir(at.target)).toEqual(['mine.txt']);
    await rm(at.target, { recursive: true });
    await pullModel(at.repository, at.digest, at.target);
    await writeFile(join(at.target, 'model.onnx'), 'cut');
    await expect(pullModel(at.repository, at.digest, at.target)).rejects.toMatchObject({
      code: 'target-exists',
    });
  });

  it('lets two pull the same model to the same place', async () => {
    await using at = await scene();
    const pulls = await Promise.all([1, 2, 3].map(() => pullModel(at.repository, at.digest, at.target)));
    expect(pulls.map((pull) => pull.digest)).toEqual([at.digest, at.digest, at.digest]);
    expect(await readdir(at.parent)).toEqual(['churn']);
  });

  it.each([
    ['a flipped byte', (bytes: Buffer) => bytes.with(515, 0x7a), 'digest-mismatch'],
    ['a layer cut short', (bytes: Buffer) => bytes.subarray(0, 1000), 'digest-mismatch'],
    ['bytes at the end', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(512)]), 'digest-mismatch'],
  ])('with %s leaves nothing behind', async (_, damage, code) => {
    await using at = await scene();
    const manifest = JSON.parse(
      Buffer.from((await at.repository.readManifest(at.digest))?.bytes ?? []).toString(),
    );
    const file = join(at.layout, 'blobs/sha256', manifest.layers[2].digest.slice(7));
    await writeFile(file, damage(await readFile(file)));
    await expect(pullModel(at.repository, at.digest, at.target)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(file),
    });
    expect(await entriesOf(at.parent)).toEqual([]);
    await rm(file);
    await expect(pullModel(at.repository, at.digest, at.target)).rejects.toMatchObject({
      code: 'blob-missing',
    });
  });

  it.each([
    ['outside models/NAME/1/', [{ name: 'etc/passwd', content: 'x' }]],
    ['of another version', [{ name: 'models/churn/2/model.onnx', content: 'x' }]],
    [
      'of two models',
      [
        { name: 'models/a1/1/x', content: 'x' },
        { name: 'models/b1/1/y', content: 'y' },
      ],
    ],
    ['that is the prefix itself', [{ name: 'models/churn/1', content: 'x' }]],
    ['that leads upwards', [{ name: 'models/churn/1/../../../../x', content: 'x' }]],
    [
      'through a link',
      [
        { name: 'models/churn/1/l', type: 'symlink' as const, linkname: '/tmp' },
        { name: 'models/churn/1/l/x', content: 'x' },
      ],
    ],
    [
      'that is there twice',
      [
        { name: 'models/churn/1/x', content: 'x' },
        { name: 'models/churn/1/./x', content: 'y' },
      ],
    ],
    [
      'below a file',
      [
        { name: 'models/churn/1/x', content: 'x' },
        { name: 'models/churn/1/x/y', content: 'y' },
      ],
    ],
    ['with an endless name', [{ name: `models/churn/1/${'n'.repeat(300)}`, content: 'x' }]],
    ['that would mark itself complete', [{ name: 'models/churn/1/.edgeloop-pulled.json', content: '{}' }]],
  ])('refuses a layer with a path %s, and writes nothing', async (_, entries) => {
    await using at = await scene();
    const digest = await pushRawModel(at.repository, [await foreignTar(...entries)]);
    await expect(pullModel(at.repository, digest, at.target)).rejects.toMatchObject({
      code: 'layer-unsafe',
      exitCode: 3,
    });
    expect(await entriesOf(at.parent)).toEqual([]);
  });

  it('refuses a layer whose file claims terabytes', async () => {
    await using at = await scene();
    const tar = withFirstSize(await foreignTar({ name: 'models/churn/1/x', content: 'x' }), 8_000_000_000);
    const digest = await pushRawModel(at.repository, [tar]);
    await expect(pullModel(at.repository, digest, at.target)).rejects.toMatchObject({ code: 'layer-unsafe' });
    expect(await entriesOf(at.parent)).toEqual([]);
  });

  it('reads only ModelPack manifests, with at most 1,000 layers', async () => {
    await using at = await scene();
    const other = await writeArtifact(at.repository, {
      artifactType: 'a/b',
      mediaType: 'text/plain',
      bytes: Buffer.from('x'),
    });
    await expect(pullModel(at.repository, other.digest, at.target)).rejects.toMatchObject({
      code: 'not-a-model',
    });
    await expect(pullModel(at.repository, `sha256:${'00'.repeat(32)}`, at.target)).rejects.toMatchObject({
      code: 'model-missing',
    });
    const layer = await foreignTar({ name: 'models/churn/1/x', content: 'x' });
    const digest = await pushRawModel(
      at.repository,
      Array.from({ length: 1001 }, () => layer),
    );
    await expect(pullModel(at.repository, digest, at.target)).rejects.toMatchObject({
      code: 'too-many-layers',
    });
  });
});

describe('readPackedFile', () => {
  it('fetches a small file without the weights', async () => {
    await using at = await scene();
    const fetched: string[] = [];
    const watching: Repository = {
      ...at.repository,
      readBlob(descriptor) {
        fetched.push(descriptor.annotations?.['org.cncf.model.filepath'] ?? descriptor.mediaType);
        return at.repository.readBlob(descriptor);
      },
    };
    const card = await readPackedFile(watching, at.digest, 'edgeloop.json');
    expect(Buffer.from(card).toString()).toBe(MODEL_FILES['edgeloop.json']);
    expect(fetched).toEqual(['models/churn/1/edgeloop.json']);
    expect(Buffer.from(await readPackedFile(watching, at.digest, 'golden.json')).toString()).toBe(
      MODEL_FILES['golden.json'],
    );
    await expect(readPackedFile(watching, at.digest, 'none.json')).rejects.toMatchObject({
      code: 'model-file-missing',
    });
  });
});
