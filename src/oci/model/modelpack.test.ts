import { chmod, link, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLayoutRepository } from '../layout/layout.ts';
import { packModel, pushModel } from './modelpack.ts';
import { readPackedFile } from './model-manifest.ts';
import { pullModel } from '../pull/pull-model.ts';
import { MODEL_FILES, scratchFolder, writeFiles } from '../../../test/fixtures/oci-layout.ts';

const MODEL = { model: 'churn', annotations: { 'dev.edgeloop.input-key': '00ff' } };

describe('packModel', () => {
  it('gives a fixed folder the digest that it has on every machine and day', async () => {
    await using scratch = await scratchFolder();
    const packed = await packModel(await writeFiles(scratch.path, MODEL_FILES), MODEL);
    expect(packed.descriptor.digest).toBe(
      'sha256:a366e89887b2e1ceef5a04f4f72ecee5975418be4cbce3d65611d5bb7a6fb7fe',
    );
  });

  it('gives the same digest whatever the order, times and modes of the files', async () => {
    await using scratch = await scratchFolder();
    const one = await writeFiles(join(scratch.path, 'one'), MODEL_FILES);
    const other = await writeFiles(
      join(scratch.path, 'other'),
      Object.fromEntries(Object.entries(MODEL_FILES).toReversed()),
    );
    await utimes(join(other, 'model.onnx'), 1, 1);
    await chmod(join(other, 'golden.json'), 0o600);
    const packed = await packModel(one, MODEL);
    expect((await packModel(other, { annotations: MODEL.annotations, model: 'churn' })).manifest).toEqual(
      packed.manifest,
    );
    expect((await packModel(one, { model: 'churn' })).descriptor.digest).not.toBe(packed.descriptor.digest);
    await writeFiles(other, { 'golden.json': '{"samples":[1]}\n' });
    expect((await packModel(other, MODEL)).descriptor.digest).not.toBe(packed.descriptor.digest);
  });

  it('puts the card first and alone, small files together, and each file of weights alone', async () => {
    await using scratch = await scratchFolder();
    await writeFiles(scratch.path, {
      ...MODEL_FILES,
      'README.md': 'read me',
      'vocabulary.txt': 'a'.repeat(1024 * 1024 + 1),
    });
    const packed = await packModel(scratch.path, MODEL);
    const manifest = JSON.parse(new TextDecoder().decode(packed.manifest));
    const layers = packed.blobs
      .slice(1)
      .map(({ descriptor: { mediaType, annotations } }) => [
        mediaType.replace('application/vnd.cncf.model.', ''),
        annotations?.['org.cncf.model.filepath'],
      ]);
    expect(layers).toEqual([
      ['weight.config.v1.tar', 'models/churn/1/edgeloop.json'],
      ['weight.config.v1.tar', 'models/churn/1'],
      ['weight.v1.tar', 'models/churn/1/model.onnx'],
      ['weight.v1.tar', 'models/churn/1/model.onnx.data'],
      ['weight.v1.tar', 'models/churn/1/vocabulary.txt'],
    ]);
    expect(manifest).toMatchObject({
      artifactType: 'application/vnd.cncf.model.manifest.v1+json',
      config: { mediaType: 'application/vnd.cncf.model.config.v1+json' },
      annotations: { 'dev.edgeloop.model': 'churn', 'dev.edgeloop.input-key': '00ff' },
    });
    expect(packed.bytes).toBe(
      packed.manifest.length + packed.blobs.reduce((sum, blob) => sum + blob.descriptor.size, 0),
    );
    const config = Buffer.concat(await Array.fromAsync(packed.blobs[0]?.open() ?? []));
    expect(JSON.parse(config.toString())).toEqual({
      descriptor: { name: 'churn' },
      modelfs: { type: 'layers', diffIds: packed.blobs.slice(1).map((blob) => blob.descriptor.digest) },
      config: { format: 'onnx' },
    });
  });

  it('packs a folder without card and ONNX file as it is', async () => {
    await using scratch = await scratchFolder();
    const packed = await packModel(await writeFiles(scratch.path, { 'sub/notes.txt': 'x' }), {
      model: 'churn',
    });
    const repository = openLayoutRepository(join(scratch.path, 'layout'));
    await pushModel(repository, packed);
    expect(await readPackedFile(repository, packed.descriptor.digest, 'sub/notes.txt')).toEqual(
      Buffer.from('x'),
    );
  });

  it('refuses what it cannot pack faithfully', async () => {
    await using scratch = await scratchFolder();
    const refused = { code: 'model-folder-invalid', exitCode: 2 };
    await expect(packModel(scratch.path, MODEL)).rejects.toMatchObject(refused);
    await expect(packModel(join(scratch.path, 'none'), MODEL)).rejects.toMatchObject(refused);
    await writeFiles(scratch.path, { real: 'x' });
    await expect(packModel(scratch.path, { model: '../x' })).rejects.toMatchObject({
      code: 'model-name-invalid',
    });
    await symlink('real', join(scratch.path, 'model.onnx'));
    await expect(packModel(scratch.path, MODEL)).rejects.toMatchObject(refused);
  });

  it('packs a hard link as the file that it is', async () => {
    await using scratch = await scratchFolder();
    await writeFiles(scratch.path, { 'model.onnx': 'x' });
    const before = (await packModel(scratch.path, MODEL)).descriptor.digest;
    await link(join(scratch.path, 'model.onnx'), join(scratch.path, 'other.onnx'));
    await writeFiles(join(scratch.path, 'plain'), { 'model.onnx': 'x' });
    expect((await packModel(join(scratch.path, 'plain'), MODEL)).descriptor.digest).toBe(before);
  });
});

describe('pushModel', () => {
  it('moves each byte once, and tells what it reused', async () => {
    await using scratch = await scratchFolder();
    const folder = await writeFiles(join(scratch.path, 'model'), MODEL_FILES);
    const repository = openLayoutRepository(join(scratch.path, 'layout'));
    const packed = await packModel(folder, MODEL);
    const { digest } = packed.descriptor;
    expect(await pushModel(repository, packed, { tag: 'in-00ff' })).toEqual({
      digest,
      bytes: packed.bytes,
      transferred: packed.bytes,
      reused: 0,
    });
    expect(await pushModel(repository, packed, { tag: '1.0.0-model' })).toEqual({
      digest,
      bytes: packed.bytes,
      transferred: 0,
      reused: packed.bytes,
    });
    expect((await repository.resolve('1.0.0-model'))?.digest).toBe(digest);

    // Another graph, the same external data: only what changed moves.
    const retrained = await packModel(await writeFiles(folder, { 'model.onnx': 'another graph' }), MODEL);
    const moved = await pushModel(repository, retrained);
    const data = packed.blobs.at(-1)?.descriptor.size ?? 0;
    expect(data).toBeGreaterThan(0);
    expect(moved.reused).toBeGreaterThanOrEqual(data);
    await expect(pushModel(repository, retrained, { tag: 'in-00ff' })).rejects.toMatchObject({
      code: 'tag-exists',
    });
  });

  it('sends nothing for a tag that names another model', async () => {
    await using scratch = await scratchFolder();
    const folder = await writeFiles(join(scratch.path, 'model'), MODEL_FILES);
    const repository = openLayoutRepository(join(scratch.path, 'layout'));
    await pushModel(repository, await packModel(folder, MODEL), { tag: '1.0.0-model' });
    const other = await packModel(await writeFiles(folder, { 'model.onnx': 'another graph' }), MODEL);
    await expect(pushModel(repository, other, { tag: '1.0.0-model' })).rejects.toMatchObject({
      code: 'tag-exists',
    });
    const there = other.blobs.map((blob) => repository.hasBlob(blob.descriptor.digest));
    expect((await Promise.all(there)).filter((isThere) => !isThere)).not.toEqual([]);
    await pushModel(repository, other, { tag: '1.0.0-model', moveTag: true });
    expect((await repository.resolve('1.0.0-model'))?.digest).toBe(other.descriptor.digest);
  });

  it('notices that a file was changed after it was packed', async () => {
    await using scratch = await scratchFolder();
    const folder = await writeFiles(join(scratch.path, 'model'), MODEL_FILES);
    const repository = openLayoutRepository(join(scratch.path, 'layout'));
    const packed = await packModel(folder, MODEL);
    await writeFiles(folder, { 'model.onnx': 'not really a graph'.toUpperCase() });
    await expect(pushModel(repository, packed, { tag: 't' })).rejects.toMatchObject({
      code: 'digest-mismatch',
    });
    await writeFiles(folder, { 'model.onnx': 'longer than it was before' });
    await expect(pushModel(repository, packed, { tag: 't' })).rejects.toMatchObject({ code: 'file-changed' });
    expect(await repository.tags()).toEqual([]);
  });

  it('survives a round trip: what was pulled packs to the same digest', async () => {
    await using scratch = await scratchFolder();
    const folder = await writeFiles(join(scratch.path, 'model'), {
      ...MODEL_FILES,
      'assets/labels.txt': 'no\nyes\n',
    });
    const repository = openLayoutRepository(join(scratch.path, 'layout'));
    const packed = await packModel(folder, MODEL);
    const { digest } = await pushModel(repository, packed);
    await pullModel(repository, digest, join(scratch.path, 'pulled'));
    expect((await packModel(join(scratch.path, 'pulled'), MODEL)).descriptor.digest).toBe(digest);
  });
});
