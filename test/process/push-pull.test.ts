import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { edgeloopAsync } from '../fixtures/churn-project.ts';
import { checkError } from '../fixtures/expect-error.ts';
import { scratchFolder, writeFiles } from '../fixtures/oci-layout.ts';
import { linearModel } from '../fixtures/onnx-model.ts';
import { available, startRegistry } from '../fixtures/registries.ts';

/** What the verbs say, as far as it is looked at. */
interface Answer {
  ref: string;
  digest: string;
  bytes: number;
  transferred: number;
  reused: number;
  tags?: string[];
  image?: { digest: string };
}

interface Scene extends AsyncDisposable {
  folder: string;
  /** REF of a repository that is called `line`. */
  repository: string;
  /** Runs a verb that succeeds, and returns its JSON. */
  json(...args: string[]): Promise<Answer>;
}

const KINDS = ['folder', 'docker-registry', 'distribution', 'ociregistry'] as const;

/** A folder with `model/model.onnx`, and a repository that holds nothing yet. */
async function scene(kind: (typeof KINDS)[number]): Promise<Scene> {
  const scratch = await scratchFolder();
  const running = kind === 'folder' ? undefined : await startRegistry(kind);
  await mkdir(join(scratch.path, 'model'));
  await writeFile(join(scratch.path, 'model/model.onnx'), linearModel({ scale: 2, bias: 0 }));
  return {
    folder: scratch.path,
    repository: running === undefined ? 'oci:line' : `${running.host}/team/line`,
    async json(...args) {
      const { code, stdout, stderr } = await edgeloopAsync(scratch.path, ...args, '--json');
      expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
      return JSON.parse(stdout);
    },
    async [Symbol.asyncDispose]() {
      await running?.[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

describe.each(KINDS)('push, pull and inspect with %s', (kind) => {
  const isMissing = kind !== 'folder' && !available(kind);

  it.skipIf(isMissing)(
    'a model without a card goes there and back, and is the same when it goes there again',
    async () => {
      await using at = await scene(kind);
      const { repository } = at;
      const pushed = await at.json('push', 'model', `${repository}:1.0.0`);
      expect(pushed).toMatchObject({
        ref: `${repository}:1.0.0-model`,
        model: 'line',
        image: { ref: `${repository}:1.0.0` },
        tags: ['1.0.0-model', '1.0.0', '1.0', '1'],
        transferred: pushed.bytes,
        reused: 0,
      });
      expect(await readdir(join(at.folder, 'model'))).toEqual(['model.onnx']);

      const pulled = await at.json('pull', `${repository}:1`, 'copy');
      expect(pulled).toMatchObject({ digest: pushed.digest, transferred: pulled.bytes, reused: 0 });
      expect(await readFile(join(at.folder, 'copy/model.onnx'))).toEqual(
        await readFile(join(at.folder, 'model/model.onnx')),
      );
      expect(JSON.parse(await readFile(join(at.folder, 'copy/edgeloop.json'), 'utf8'))).toMatchObject({
        model: 'line',
        modelSignature: { inputs: [{ name: 'x', dataType: 'FP32', shape: [null, 1] }] },
        requirements: { executionProviders: ['cpu'] },
      });
      expect(await at.json('pull', `${repository}:1`, 'copy')).toMatchObject({ transferred: 0 });

      // Its card says what it is called, so that a copy elsewhere, under another name, is the same model.
      expect(await at.json('push', 'copy', 'oci:elsewhere/other:2.0.0')).toMatchObject({
        digest: pushed.digest,
        model: 'line',
      });
      expect(await at.json('inspect', repository)).toMatchObject({
        ref: `${repository}:1.0.0`,
        digest: pushed.digest,
        image: { digest: pushed.image?.digest, version: '1.0.0' },
        layers: [{}, {}],
        card: { model: 'line' },
        referrers: [],
      });
    },
  );

  it.skipIf(isMissing)('moves the short tags forward only, and a version only when told so', async () => {
    await using at = await scene(kind);
    const { repository, folder } = at;
    const tagsOf = async (tag: string, ...more: string[]) =>
      (await at.json('push', 'model', `${repository}:${tag}`, ...more)).tags;
    expect(await tagsOf('1.2.0')).toEqual(['1.2.0-model', '1.2.0', '1.2', '1']);
    expect(await tagsOf('1.10.0')).toEqual(['1.10.0-model', '1.10.0', '1.10', '1']);
    expect(await tagsOf('1.2.1')).toEqual(['1.2.1-model', '1.2.1', '1.2']);
    expect(await tagsOf('2.0.0-rc.1')).toEqual(['2.0.0-rc.1-model', '2.0.0-rc.1']);
    expect(await tagsOf('nightly')).toEqual(['nightly']);
    expect((await at.json('inspect', `${repository}:1`)).ref).toBe(`${repository}:1`);
    expect((await at.json('pull', repository, 'highest')).ref).toBe(`${repository}:1.10.0`);

    await writeFile(join(folder, 'model/model.onnx'), linearModel({ scale: 3, bias: 0 }));
    for (const tag of ['1.2.0', 'nightly'])
      checkError(await edgeloopAsync(folder, 'push', 'model', `${repository}:${tag}`), {
        exit: 1,
        code: 'tag-exists',
        says: [`the tag ${tag}`, repository.replace('oci:', ''), '--move-tag'],
      });
    const moved = await at.json('push', 'model', `${repository}:1.2.0`, '--move-tag');
    expect((await at.json('inspect', `${repository}:1.2.0`)).digest).toBe(moved.digest);
    expect((await at.json('inspect', `${repository}:1.2.0-model`)).digest).toBe(moved.digest);
    expect((await at.json('inspect', `${repository}:1.2`)).digest).not.toBe(moved.digest);
  });
});

describe('push, pull and inspect', () => {
  it('pack a folder without a model as it is', async () => {
    await using at = await scene('folder');
    await rename(join(at.folder, 'model/model.onnx'), join(at.folder, 'model/weights.bin'));
    const { digest } = await at.json('push', 'model', 'oci:weights');
    await at.json('pull', `oci:weights@${digest}`, 'copy');
    expect((await readdir(join(at.folder, 'copy'))).toSorted()).toEqual([
      '.edgeloop-pulled.json',
      'weights.bin',
    ]);
    expect(await at.json('inspect', `oci:weights@${digest}`)).not.toHaveProperty('card');
  });

  it('say for people what they did', async () => {
    await using at = await scene('folder');
    const run = async (...args: string[]) => (await edgeloopAsync(at.folder, ...args)).stdout;
    expect(await run('push', 'model', 'oci:line:1.0.0')).toMatch(
      /^pushed line to oci:line:1\.0\.0-model: [\d.]+ kB sent, 0 B there already\n {2}model {2}sha256:\w+\n/,
    );
    expect(await run('inspect', 'oci:line')).toMatch(/ {2}inputs {3}x FP32 \[N,1\]\n/);
    expect(await run('pull', 'oci:line', 'copy')).toMatch(/^pulled oci:line:1\.0\.0 into copy: /);
  });

  it.each<[string, string[], string, 1 | 2 | 3, (string | RegExp)[]]>([
    ['a tag of ours', ['push', 'model', 'oci:line:in-0f'], 'tag-reserved', 2, ['"in-0f"', '1.2.3']],
    ['a moving tag', ['push', 'model', 'oci:line:1.2'], 'tag-reserved', 2, ['"1.2"']],
    [
      'a digest to push to',
      ['push', 'model', `oci:line@sha256:${'0'.repeat(64)}`],
      'reference-invalid',
      2,
      [],
    ],
    ['no such folder', ['push', 'none', 'oci:line:1.0.0'], 'model-folder-invalid', 2, ['none']],
    ['a damaged card', ['push', 'damaged', 'oci:line:1.0.0'], 'card-invalid', 1, ['edgeloop.json']],
    [
      'no such tag',
      ['pull', 'oci:other:9.9.9', 'copy'],
      'image-missing',
      1,
      ['oci:other:9.9.9', 'the tag nightly'],
    ],
    ['no version', ['inspect', 'oci:other'], 'tag-required', 2, ['oci:', 'the tag nightly']],
    ['no repository', ['inspect', 'oci:none'], 'tag-required', 2, ['no tags']],
    ['a target in use', ['pull', 'oci:other:nightly', 'damaged'], 'target-exists', 1, ['damaged']],
    ['a host alone', ['pull', 'line:1.0.0', 'copy'], 'reference-invalid', 2, ['localhost:5000']],
    ['no registry', ['pull', '127.0.0.1:1/line:1', 'copy'], 'http-failed', 1, ['127.0.0.1:1']],
    ['no number', ['pull', 'oci:other', 'copy', '--concurrency', '0'], 'usage', 2, ['1 to 99']],
  ])('say what is wrong with %s', async (_, args, code, exit, says) => {
    await using at = await scene('folder');
    await writeFiles(join(at.folder, 'damaged'), { 'edgeloop.json': '{}' });
    await at.json('push', 'model', 'oci:other:nightly');
    checkError(await edgeloopAsync(at.folder, ...args), { exit, code, says });
    expect((await readdir(at.folder)).toSorted()).toEqual(['damaged', 'model', 'other']);
  });
});
