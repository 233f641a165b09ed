import { describe, expect, it } from 'vitest';
import { readArtifact, writeArtifact } from './artifact.ts';
import { openLayoutRepository } from './layout/layout.ts';
import { scratchFolder } from '../../test/fixtures/oci-layout.ts';

const VERDICT = 'application/vnd.edgeloop.verdict.v1+json';
const bytes = new TextEncoder().encode('{"outcome":"pass"}');
const document = { artifactType: VERDICT, mediaType: 'application/json', bytes };

describe('an artifact', () => {
  it('comes back by descriptor, digest and tag', async () => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRepository(scratch.path);
    const subject = await writeArtifact(repository, { ...document, artifactType: 'a/b' });
    const written = await writeArtifact(repository, {
      ...document,
      subject,
      annotations: { b: '2', a: '1' },
      tag: 't',
    });
    for (const reference of [written, written.digest, 't']) {
      const {
        bytes: read,
        annotations,
        subject: referred,
      } = await readArtifact(repository, reference, VERDICT);
      expect(Buffer.from(read)).toEqual(Buffer.from(bytes));
      expect(annotations).toEqual({ a: '1', b: '2' });
      expect(referred?.digest).toBe(subject.digest);
    }
  });

  it('is written as image-spec 1.1 says, with the same digest each time', async () => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRepository(scratch.path);
    const written = await writeArtifact(repository, { ...document, annotations: { a: '1', b: '2' } });
    expect(await writeArtifact(repository, { ...document, annotations: { b: '2', a: '1' } })).toEqual(
      written,
    );
    const manifest = JSON.parse(
      Buffer.from((await repository.readManifest(written.digest))?.bytes ?? []).toString(),
    );
    // The empty descriptor's digest is printed in image-spec 1.1, manifest.md.
    expect(manifest.config).toEqual({
      mediaType: 'application/vnd.oci.empty.v1+json',
      digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
      size: 2,
    });
    expect(manifest.layers).toEqual([
      { mediaType: 'application/json', digest: expect.any(String), size: bytes.length },
    ]);
  });

  it('is refused when it is missing or another kind', async () => {
    await using scratch = await scratchFolder();
    const repository = openLayoutRepository(scratch.path);
    await expect(readArtifact(repository, 't', VERDICT)).rejects.toMatchObject({
      code: 'artifact-missing',
      exitCode: 1,
    });
    await writeArtifact(repository, { ...document, artifactType: 'a/b', tag: 't' });
    await expect(readArtifact(repository, 't', VERDICT)).rejects.toMatchObject({
      code: 'artifact-unexpected',
      exitCode: 3,
    });
  });
});
