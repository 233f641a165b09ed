import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLayoutRepository } from '../layout/layout.ts';
import { packModel, pushModel } from '../model/modelpack.ts';
import { readPackedFile } from '../model/model-manifest.ts';
import { pullModel } from './pull-model.ts';
import type { Repository, TransferProgress } from '../repository.ts';
import { MODEL_FILES, scratchFolder, writeFiles } from '../../../test/fixtures/oci-layout.ts';

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

// What hostile images must not do is in test/faults/hostile-*.test.ts.
describe('pullModel', () => {
  it('puts the model files themselves into the target, and reuses them the next time', async () => {
    await using at = await scene();
    const seen: TransferProgress[] = [];
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
    expect(seen.at(-1)).toEqual({ bytes: seen[0]?.total, total: seen[0]?.total });
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

  it('says that a model is not there', async () => {
    await using at = await scene();
    await expect(pullModel(at.repository, `sha256:${'00'.repeat(32)}`, at.target)).rejects.toMatchObject({
      code: 'model-missing',
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
