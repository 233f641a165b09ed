import { execFileSync } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeArtifact } from '../artifact.ts';
import { encodeJson } from '../canonical-json.ts';
import { digestOf } from '../digest.ts';
import { openLayoutRegistry, openLayoutRepository } from './layout.ts';
import { blobFrom, scratchFolder } from '../../../test/fixtures/oci-layout.ts';

const VERDICT = 'application/vnd.test.verdict';
const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const note = (content: string): Parameters<typeof writeArtifact>[1] => ({
  artifactType: VERDICT,
  mediaType: 'text/plain',
  bytes: text(content),
});

// What holds for every repository, this one too, is in test/fixtures/repository-contract.ts.
describe('an OCI image layout as a repository', () => {
  it('says that nothing is there, and creates nothing, before something is written', async () => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRegistry(join(scratch.path, 'registry')).repository('churn');
    expect(await repository.tags()).toEqual([]);
    expect(await repository.resolve('1.0.0')).toBeUndefined();
    expect(await repository.readManifest('1.0.0')).toBeUndefined();
    expect(await repository.readManifest(digestOf(text('x')))).toBeUndefined();
    expect(await repository.hasBlob(digestOf(text('x')))).toBe(false);
    expect(await repository.referrers(digestOf(text('x')))).toEqual([]);
    expect(await readdir(scratch.path)).toEqual([]);
  });

  it('gives back what was written, and stores a blob once', async () => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRepository(scratch.path);
    const blob = blobFrom(text('weights'));
    expect(await repository.writeBlob(blob)).toEqual({ transferred: 7 });
    expect(await repository.writeBlob(blob)).toEqual({ transferred: 0 });
    expect(Buffer.concat(await Array.fromAsync(repository.readBlob(blob.descriptor))).toString()).toBe(
      'weights',
    );
    const written = await writeArtifact(repository, { ...note('a'), tag: '1.0.0' });
    expect(await repository.resolve('1.0.0')).toEqual(written);
    expect((await repository.readManifest(written.digest))?.bytes).toEqual(
      (await repository.readManifest('1.0.0'))?.bytes,
    );
    // Another process, another reader: everything is in the files.
    expect(await openLayoutRepository(scratch.path).tags()).toEqual(['1.0.0']);
    expect(await readFile(join(scratch.path, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}');
    expect((await readdir(scratch.path)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('refuses a blob that is not what it says, and keeps nothing of it', async () => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRepository(scratch.path);
    const { descriptor } = blobFrom(text('promised'));
    for (const content of ['promises', 'short', 'much too long']) {
      await expect(repository.writeBlob({ ...blobFrom(text(content)), descriptor })).rejects.toMatchObject({
        code: 'digest-mismatch',
      });
    }
    expect(await readdir(join(scratch.path, 'blobs/sha256'))).toEqual([]);
    expect((await readdir(scratch.path)).toSorted()).toEqual(['blobs', 'oci-layout']);
  });

  it('moves a tag only when told to, and keeps the old manifest listed', async () => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRepository(scratch.path);
    const first = await writeArtifact(repository, { ...note('a'), tag: 'channel-production' });
    await expect(
      writeArtifact(repository, { ...note('b'), tag: 'channel-production' }),
    ).rejects.toMatchObject({ code: 'tag-exists' });
    expect(await repository.resolve('channel-production')).toEqual(first);
    const second = await writeArtifact(repository, {
      ...note('b'),
      tag: 'channel-production',
      moveTag: true,
    });
    expect(await repository.resolve('channel-production')).toEqual(second);
    const index = JSON.parse(await readFile(join(scratch.path, 'index.json'), 'utf8'));
    expect(index.manifests).toEqual([
      first,
      { ...second, annotations: { 'org.opencontainers.image.ref.name': 'channel-production' } },
    ]);
  });

  it('lists one manifest under several tags, and once when it has none', async () => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRepository(scratch.path);
    await writeArtifact(repository, note('a'));
    await writeArtifact(repository, note('a'));
    for (const tag of ['b', 'a', 'a']) await writeArtifact(repository, { ...note('a'), tag });
    expect(await repository.tags()).toEqual(['a', 'b']);
    const index = JSON.parse(await readFile(join(scratch.path, 'index.json'), 'utf8'));
    expect(index.manifests).toHaveLength(2);
  });

  it('keeps what other tools wrote into index.json', async () => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRepository(scratch.path);
    const first = await writeArtifact(repository, note('a'));
    const foreign = {
      schemaVersion: 2,
      annotations: { who: 'them' },
      manifests: [{ ...first, annotations: { x: '1' }, extra: [1] }],
    };
    await writeFile(join(scratch.path, 'index.json'), JSON.stringify(foreign));
    await writeArtifact(repository, { ...note('a'), tag: 't' });
    expect(JSON.parse(await readFile(join(scratch.path, 'index.json'), 'utf8'))).toEqual({
      ...foreign,
      manifests: [
        { ...first, annotations: { x: '1', 'org.opencontainers.image.ref.name': 't' }, extra: [1] },
      ],
    });
  });

  it('takes a manifest only when everything that it names is there', async () => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRepository(scratch.path);
    const config = blobFrom(text('{}'));
    const manifest = encodeJson({ schemaVersion: 2, config: config.descriptor, layers: [] });
    await expect(repository.writeManifest(manifest, { tag: 't' })).rejects.toMatchObject({
      code: 'blob-missing',
    });
    expect(await repository.tags()).toEqual([]);
    await repository.writeBlob(config);
    await repository.writeManifest(manifest, { tag: 't' });
    expect(await repository.tags()).toEqual(['t']);
  });
});

describe('a damaged layout', () => {
  it.each(['{"schemaVersion":2,"manif', '[]', '{"schemaVersion":2,"manifests":[{"digest":"nonsense"}]}'])(
    'with the index.json %s names the file and the remedy',
    async (content) => {
      await using scratch = await scratchFolder();
      const repository = openLayoutRepository(scratch.path);
      await writeArtifact(repository, { ...note('a'), tag: 't' });
      const file = join(scratch.path, 'index.json');
      await writeFile(file, content);
      const damaged = {
        code: 'layout-damaged',
        message: expect.stringContaining(file),
        remedy: expect.stringContaining('Restore'),
      };
      await expect(repository.tags()).rejects.toMatchObject(damaged);
      await expect(writeArtifact(repository, { ...note('b'), tag: 'u' })).rejects.toMatchObject(damaged);
      expect(await readFile(file, 'utf8')).toBe(content);
    },
  );

  it('without oci-layout is reported', async () => {
    await using scratch = await scratchFolder();
    await writeArtifact(openLayoutRepository(scratch.path), { ...note('a'), tag: 't' });
    await rm(join(scratch.path, 'oci-layout'));
    await expect(openLayoutRepository(scratch.path).tags()).rejects.toMatchObject({ code: 'layout-damaged' });
  });

  it('with a flipped byte or a missing blob names the file', async () => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRepository(scratch.path);
    const blob = blobFrom(text('weights'));
    await repository.writeBlob(blob);
    const file = join(scratch.path, 'blobs/sha256', blob.descriptor.digest.slice(7));
    await writeFile(file, 'weightz');
    const read = (): Promise<unknown> => Array.fromAsync(repository.readBlob(blob.descriptor));
    await expect(read()).rejects.toMatchObject({
      code: 'digest-mismatch',
      message: expect.stringContaining(file),
    });
    await writeFile(file, 'weight');
    await expect(read()).rejects.toMatchObject({
      code: 'digest-mismatch',
      message: expect.stringContaining(file),
    });
    await rm(file);
    await expect(read()).rejects.toMatchObject({
      code: 'blob-missing',
      message: expect.stringContaining(file),
    });
    await repository.writeBlob(blob);
    await expect(read()).resolves.toHaveLength(1);
  });

  it('with something else in the place of a blob does not wait for it', async () => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRepository(scratch.path);
    const blob = blobFrom(text('weights'));
    await repository.writeBlob(blob);
    const file = join(scratch.path, 'blobs/sha256', blob.descriptor.digest.slice(7));
    for (const make of ['mkdir', 'mkfifo']) {
      await rm(file, { recursive: true });
      execFileSync(make, [file]);
      await expect(Array.fromAsync(repository.readBlob(blob.descriptor))).rejects.toMatchObject({
        code: 'blob-missing',
        message: expect.stringContaining(file),
      });
    }
  });

  it('with a damaged or missing manifest never passes it off as absent', async () => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRepository(scratch.path);
    const { digest } = await writeArtifact(repository, { ...note('a'), tag: 't' });
    const file = join(scratch.path, 'blobs/sha256', digest.slice(7));
    const bytes = await readFile(file);
    await writeFile(file, bytes.with(5, bytes[5] === 0x20 ? 0x21 : 0x20));
    await expect(repository.readManifest('t')).rejects.toMatchObject({ code: 'digest-mismatch' });
    await rm(file);
    await expect(repository.readManifest('t')).rejects.toMatchObject({ code: 'blob-missing' });
    await expect(repository.readManifest(digest)).rejects.toMatchObject({ code: 'blob-missing' });
    await expect(repository.referrers(digest)).rejects.toMatchObject({ code: 'blob-missing' });
  });
});
