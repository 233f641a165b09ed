// What we wrote, as oras, regctl, skopeo and crane see it in each registry, and what they copied from there to the next
// registry or into a folder, as we see it.
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildImage,
  openLayoutRepository,
  openReference,
  packModel,
  type PackedModel,
  parseReference,
  pullModel,
  pushImage,
  pushModel,
  readImage,
  type Repository,
  writeArtifact,
} from '../../src/oci/index.ts';
import { MODEL_FILES, scratchFolder, writeFiles } from '../fixtures/oci-layout.ts';
import { available, type RegistryKind, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';
import { findTool } from '../tooling/find.ts';

const VERDICT = 'application/vnd.edgeloop.verdict.v1+json';
const BUNDLE = 'application/vnd.test.bundle';
const MODEL = 'application/vnd.cncf.model';
/** Each with the registry that others copy to from there. */
const KINDS: [RegistryKind, RegistryKind][] = [
  ['docker-registry', 'distribution'],
  ['distribution', 'ociregistry'],
  ['ociregistry', 'docker-registry'],
];
const isComplete =
  ['oras', 'regctl', 'skopeo', 'crane'].every((name) => findTool(name) !== undefined) &&
  KINDS.every(([kind]) => available(kind));

const run = promisify(execFile);
const tool = async (name: string, ...args: string[]): Promise<string> =>
  (await run(findTool(name) ?? name, args)).stdout;
const skopeoCopy = (from: string, to: string): Promise<string> =>
  tool(
    'skopeo',
    'copy',
    '--all',
    '--preserve-digests',
    '--insecure-policy',
    '--src-tls-verify=false',
    '--dest-tls-verify=false',
    from,
    to,
  );
const repositoryAt = (place: string): Repository => openReference(parseReference(place));

describe.skipIf(!isComplete)('a release', () => {
  const servers = new Map<RegistryKind, RunningRegistry>();
  const hostOf = (kind: RegistryKind): string => servers.get(kind)?.host ?? '';
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let layout: string;
  let release: Release;
  beforeAll(async () => {
    scratch = await scratchFolder();
    layout = join(scratch.path, 'layout');
    const packed = await packModel(await writeFiles(join(scratch.path, 'model'), MODEL_FILES), {
      model: 'churn',
    });
    for (const [kind] of KINDS) {
      servers.set(kind, await startRegistry(kind));
      await publish(repositoryAt(`${hostOf(kind)}/ours/churn`), packed);
    }
    release = await publish(openLayoutRepository(layout), packed);
  });
  afterAll(async () => {
    for (const server of servers.values()) await server.stop();
    await scratch[Symbol.asyncDispose]();
  });

  const filesIn = async (repository: Repository): Promise<Record<string, string>> => {
    const target = join(scratch.path, `pulled-${Math.random()}`);
    await pullModel(repository, release.model, target);
    const names = Object.keys(MODEL_FILES);
    const contents = await Promise.all(names.map((name) => readFile(join(target, name), 'utf8')));
    return Object.fromEntries(names.map((name, at) => [name, contents[at] ?? '']));
  };
  const referrersIn = async (repository: Repository): Promise<(string | undefined)[]> => {
    const verdicts = await repository.referrers(release.model, VERDICT);
    const bundles = await repository.referrers(release.verdict);
    return [...verdicts, ...bundles].flatMap(({ digest, artifactType }) => [digest, artifactType]);
  };

  it('shows its referrers to oras in a folder', async () => {
    const told = await tool('oras', 'discover', '--oci-layout', '--format', 'json', `${layout}:1.0.0-model`);
    expect(JSON.parse(told)).toMatchObject(treeOf(release));
  });

  for (const [kind, next] of KINDS) {
    const at = (): string => `${hostOf(kind)}/ours/churn`;
    const to = (name: string): string => `${hostOf(next)}/from-${kind}/${name}`;

    it(`shows its referrers to oras and regctl in ${kind}`, async () => {
      const told = await tool('oras', 'discover', '--plain-http', '--format', 'json', `${at()}:1.0.0-model`);
      expect(JSON.parse(told)).toMatchObject(treeOf(release));
      const host = `reg=${hostOf(kind)},tls=disabled`;
      const tree = await tool('regctl', '--host', host, 'artifact', 'tree', `${at()}:1.0.0-model`);
      const lines = tree.split('\n').map((line) => line.trim());
      expect(lines).toContain(`- ${release.verdict}: ${VERDICT}`);
      expect(lines).toContain(`- ${release.bundle}: ${BUNDLE}`);
    });

    it(`is copied by oras from ${kind} to ${next} and into a folder, referrers and all`, async () => {
      const copy = ['cp', '--recursive', '--from-plain-http'];
      await tool('oras', ...copy, '--to-plain-http', `${at()}:1.0.0-model`, `${to('oras')}:1.0.0-model`);
      await tool('oras', ...copy, '--to-plain-http', `${at()}:1.0.0`, `${to('oras')}:1.0.0`);
      expect(await filesIn(repositoryAt(to('oras')))).toEqual(MODEL_FILES);
      expect(await imageIn(repositoryAt(to('oras')), '1.0.0')).toEqual([release.image, release.model]);
      expect(await referrersIn(repositoryAt(to('oras')))).toEqual(referrers(release));

      const folder = join(scratch.path, `oras-${kind}`);
      await tool('oras', ...copy, '--to-oci-layout', `${at()}:1.0.0-model`, `${folder}:1.0.0-model`);
      expect(await filesIn(openLayoutRepository(folder))).toEqual(MODEL_FILES);
      expect(await referrersIn(openLayoutRepository(folder))).toEqual(referrers(release));
    });

    it(`is inspected by skopeo in ${kind}, and copied to ${next} and into a folder`, async () => {
      const told = await tool('skopeo', 'inspect', '--tls-verify=false', `docker://${at()}:1.0.0`);
      expect(JSON.parse(told)).toMatchObject({ Digest: release.image, Layers: release.layers });
      const folder = join(scratch.path, `skopeo-${kind}`);
      for (const tag of ['1.0.0', '1.0.0-model']) {
        await skopeoCopy(`docker://${at()}:${tag}`, `docker://${to('skopeo')}:${tag}`);
        await skopeoCopy(`docker://${at()}:${tag}`, `oci:${folder}:${tag}`);
      }
      expect(await filesIn(repositoryAt(to('skopeo')))).toEqual(MODEL_FILES);
      expect(await imageIn(repositoryAt(to('skopeo')), '1.0.0')).toEqual([release.image, release.model]);
      expect(await filesIn(openLayoutRepository(folder))).toEqual(MODEL_FILES);
      expect(await imageIn(openLayoutRepository(folder), '1.0.0')).toEqual([release.image, release.model]);
    });

    it(`is copied by crane from ${kind} to ${next} and into a folder`, async () => {
      const folder = join(scratch.path, `crane-${kind}`);
      for (const tag of ['1.0.0', '1.0.0-model']) {
        await tool('crane', 'copy', `${at()}:${tag}`, `${to('crane')}:${tag}`);
        await tool('crane', 'pull', '--format', 'oci', `${at()}:${tag}`, folder);
      }
      expect(await filesIn(repositoryAt(to('crane')))).toEqual(MODEL_FILES);
      expect(await imageIn(repositoryAt(to('crane')), '1.0.0')).toEqual([release.image, release.model]);
      expect(await filesIn(openLayoutRepository(folder))).toEqual(MODEL_FILES);
      expect(await imageIn(openLayoutRepository(folder), release.image)).toEqual([
        release.image,
        release.model,
      ]);
    });

    it(`is pulled by oras from ${kind}: tars that hold its files`, async () => {
      const folder = await writeFiles(join(scratch.path, `oras-pulled-${kind}`), {});
      await tool('oras', 'pull', '--plain-http', '--output', folder, `${at()}:1.0.0-model`);
      const tars = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.tar'));
      for (const name of tars) await run('tar', ['-xf', name], { cwd: folder });
      for (const [name, content] of Object.entries(MODEL_FILES))
        expect(await readFile(join(folder, 'models/churn/1', name), 'utf8')).toBe(content);
    });

    it(`that oras pushed to ${kind} as files is pulled`, async () => {
      const files = { 'config.json': '{}', 'model.onnx': 'their graph', 'part/weights.bin': 'weights' };
      const folder = await writeFiles(join(scratch.path, `files-${kind}`), files);
      const digest = await orasPush(`${hostOf(kind)}/theirs/files:1`, folder, [
        `model.onnx:${MODEL}.weight.v1.raw`,
        `part/weights.bin:${MODEL}.weight.v1.raw`,
      ]);
      await pullModel(repositoryAt(`${hostOf(kind)}/theirs/files`), digest, join(folder, 'pulled'));
      expect(await readFile(join(folder, 'pulled/model.onnx'), 'utf8')).toBe('their graph');
      expect(await readFile(join(folder, 'pulled/part/weights.bin'), 'utf8')).toBe('weights');
    });

    it(`that oras pushed to ${kind} from a tar of GNU tar is pulled`, async () => {
      const files = { 'config.json': '{}', 'models/churn/1/model.onnx': 'their graph' };
      const folder = await writeFiles(join(scratch.path, `pushed-${kind}`), files);
      await run('tar', ['-cf', 'weights.tar', 'models'], { cwd: folder });
      const digest = await orasPush(`${hostOf(kind)}/theirs/churn:1`, folder, [
        `weights.tar:${MODEL}.weight.v1.tar`,
      ]);
      await pullModel(repositoryAt(`${hostOf(kind)}/theirs/churn`), digest, join(folder, 'pulled'));
      expect(await readFile(join(folder, 'pulled/model.onnx'), 'utf8')).toBe('their graph');
    });
  }
});

/** Pushes files of a folder as a model, as another tool does; returns the manifest's digest. */
async function orasPush(ref: string, folder: string, files: string[]): Promise<string> {
  const typed = ['--artifact-type', `${MODEL}.manifest.v1+json`];
  const config = ['--config', `config.json:${MODEL}.config.v1+json`];
  const args = ['push', '--plain-http', '--format', 'json', ...typed, ...config, ref, ...files];
  const { stdout } = await run(findTool('oras') ?? 'oras', args, { cwd: folder });
  const { digest }: { digest: string } = JSON.parse(stdout);
  return digest;
}

/** The digests of an image and of its model. */
async function imageIn(repository: Repository, reference: string): Promise<string[]> {
  const { descriptor, modelManifest } = (await readImage(repository, reference)) ?? {};
  return [descriptor?.digest ?? '', modelManifest ?? ''];
}

/** Digests of all that there is of a release. */
interface Release {
  model: string;
  image: string;
  verdict: string;
  bundle: string;
  layers: string[];
}

async function publish(repository: Repository, packed: PackedModel): Promise<Release> {
  await pushModel(repository, packed, { tag: '1.0.0-model' });
  const built = await buildImage(repository, packed.descriptor, { model: 'churn', version: '1.0.0' });
  const image = await pushImage(repository, built, ['1.0.0']);
  const document = { mediaType: 'application/json', bytes: Buffer.from('{}') };
  const verdict = await writeArtifact(repository, {
    ...document,
    artifactType: VERDICT,
    subject: packed.descriptor,
    annotations: { outcome: 'pass' },
  });
  const bundle = await writeArtifact(repository, { ...document, artifactType: BUNDLE, subject: verdict });
  return {
    model: packed.descriptor.digest,
    image: image.digest,
    verdict: verdict.digest,
    bundle: bundle.digest,
    layers: packed.blobs.slice(1).map((blob) => blob.descriptor.digest),
  };
}

/** What we find of it: the verdict that refers to the model, and the bundle that refers to the verdict. */
function referrers({ verdict, bundle }: Release): string[] {
  return [verdict, VERDICT, bundle, BUNDLE];
}

/** What `oras discover` tells of it. */
function treeOf({ model, verdict, bundle }: Release): object {
  const bundled = { digest: bundle, artifactType: BUNDLE, referrers: [] };
  return {
    digest: model,
    referrers: [
      { digest: verdict, artifactType: VERDICT, annotations: { outcome: 'pass' }, referrers: [bundled] },
    ],
  };
}
