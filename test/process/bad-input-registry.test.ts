import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeJson } from '../../src/oci/canonical-json.ts';
import { openLayoutRepository } from '../../src/oci/index.ts';
import { churnProject, commit, edgeloop, git, secondPartArrives } from '../fixtures/churn-project.ts';
import { edit, expectError, unfinishedIn, taggedManifests } from '../fixtures/expect-error.ts';
import { rawTar } from '../fixtures/hostile-tar.ts';
import { blobFrom } from '../fixtures/oci-layout.ts';

const REGISTRY = '.edgeloop/registry/churn';
const VERBS: Record<string, string[]> = {
  plan: ['plan'],
  retrain: ['retrain', 'churn'],
  release: ['release', 'churn'],
  rollout: ['rollout', 'churn@1.0.0', '--channel', 'production'],
  status: ['status'],
};

// A project with the release 1.0.0 in production and a candidate for 1.0.1, and a copy of it for each damage.
let whole: string;
let project: string;
beforeAll(() => {
  whole = churnProject();
  edit(whole, 'edgeloop.yaml', ['[production]', '[production, canary]']);
  commit(whole, 'two channels');
  for (const verb of ['retrain', 'release', 'rollout']) succeed(whole, VERBS[verb] ?? []);
  secondPartArrives(whole);
  succeed(whole, ['retrain', 'churn']);
  // What lies there can be made again, and would hide that a blob cannot be read.
  for (const name of ['candidates', 'models'])
    rmSync(join(whole, '.edgeloop', name), { recursive: true, force: true });
}, 60_000);
beforeEach(() => {
  project = join(mkdtempSync(join(tmpdir(), 'edgeloop-project-')), 'churn');
  cpSync(whole, project, { recursive: true });
});

function succeed(folder: string, args: string[]): void {
  const { code, stderr } = edgeloop(folder, ...args);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
}

const indexFile = () => join(project, REGISTRY, 'index.json');
const blobFile = (digest: string) => join(project, REGISTRY, 'blobs/sha256', digest.slice('sha256:'.length));

function tagged(tag: RegExp): string {
  const found = taggedManifests(project).findLast((entry) => tag.test(entry.tag));
  if (found === undefined) throw new Error(`no tag ${tag}`);
  return found.digest;
}

/** The first (card, document) or the last (weights) layer of a manifest. */
function layer(tag: RegExp, which: 0 | -1): string {
  const manifest: { layers: { digest: string }[] } = JSON.parse(readFileSync(blobFile(tagged(tag)), 'utf8'));
  return manifest.layers.at(which)?.digest ?? '';
}

function flip(digest: string): string {
  const file = blobFile(digest);
  const bytes = readFileSync(file);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  return file;
}

function remove(digest: string): string {
  rmSync(blobFile(digest));
  return blobFile(digest);
}

/** Runs verbs that must fail and name the file and a remedy; returns what changed in git and registry all the same. */
function changesWhenRefused(verbs: string[], code: string, ...says: (string | RegExp)[]): string[] {
  const before = [readFileSync(indexFile(), 'utf8'), git(project, 'for-each-ref')];
  for (const verb of verbs) expectError(project, VERBS[verb] ?? [], { exit: 1, code, says });
  const after = [readFileSync(indexFile(), 'utf8'), git(project, 'for-each-ref')];
  return [...after.filter((text, index) => text !== before[index]), ...unfinishedIn(project)];
}

const CHAMPION = /^1\.0\.0-model$/;
const CHANNEL = /^channel-production$/;
const CANDIDATE = /^in-/;

describe('a registry folder with', () => {
  it("a flipped byte in the champion's manifest", () => {
    const file = flip(tagged(CHAMPION));
    expect(
      changesWhenRefused(
        ['plan', 'retrain', 'release', 'status'],
        'digest-mismatch',
        `${file} is damaged: it should be`,
        `Delete ${file}`,
      ),
    ).toEqual([]);
  });

  it("a missing card of the champion's", () => {
    const file = remove(layer(CHAMPION, 0));
    expect(
      changesWhenRefused(
        ['plan', 'retrain', 'release', 'status'],
        'blob-missing',
        `${file} does not exist`,
        'restore the file',
      ),
    ).toEqual([]);
  });

  it('a flipped byte in the channel document', () => {
    const file = flip(layer(CHANNEL, 0));
    expect(
      changesWhenRefused(Object.keys(VERBS), 'digest-mismatch', `${file} is damaged: it should be`),
    ).toEqual([]);
  });

  it('a missing channel document', () => {
    const file = remove(layer(CHANNEL, 0));
    expect(changesWhenRefused(Object.keys(VERBS), 'blob-missing', `${file} does not exist`)).toEqual([]);
  });

  it("a flipped byte in the candidate's weights", () => {
    const file = flip(layer(CANDIDATE, -1));
    expect(
      changesWhenRefused(['retrain', 'release'], 'digest-mismatch', `${file} is damaged: it should be`),
    ).toEqual([]);
  });

  it('a candidate whose weights lead out of its folder', async () => {
    const repository = openLayoutRepository(join(project, REGISTRY));
    const tag = taggedManifests(project).findLast((entry) => CANDIDATE.test(entry.tag))?.tag ?? '';
    const manifest = JSON.parse(readFileSync(blobFile(tagged(CANDIDATE)), 'utf8'));
    const evil = blobFrom(rawTar({ path: 'models/churn/1/../../../evil', content: 'evil' }));
    await repository.writeBlob(evil);
    manifest.layers[manifest.layers.length - 1] = { ...manifest.layers.at(-1), ...evil.descriptor };
    await repository.writeManifest(encodeJson(manifest), { tag, moveTag: true });
    for (const verb of ['retrain', 'release']) {
      const says = [`layer ${evil.descriptor.digest} of`, 'which is not unpacked: its path leads upwards'];
      expectError(project, VERBS[verb] ?? [], { exit: 3, code: 'layer-unsafe', says });
    }
    expect(unfinishedIn(project)).toEqual([]);
    expect(
      readdirSync(project, { recursive: true }).filter((path) => basename(String(path)) === 'evil'),
    ).toEqual([]);
  });

  it("missing weights of the champion's", () => {
    const file = remove(layer(CHAMPION, -1));
    expect(changesWhenRefused(['retrain'], 'blob-missing', `${file} does not exist`)).toEqual([]);
  });

  it.each<[string, (text: string) => string, string | RegExp]>([
    ['cut short', (text) => text.slice(0, 500), 'it is not JSON: '],
    ['empty', () => '', 'it is not JSON: '],
    ['a list', () => '[]', 'expected object, received array'],
    ['with an entry that names no digest', (text) => text.replace('sha256:', 'md5:'), 'manifests.0.digest: '],
  ])('an index.json that is %s', (_, damage, says) => {
    writeFileSync(indexFile(), damage(readFileSync(indexFile(), 'utf8')));
    expect(
      changesWhenRefused(
        Object.keys(VERBS),
        'layout-damaged',
        `${indexFile()} is not what an OCI image layout has there: `,
        says,
        `Restore ${indexFile()} from a copy`,
      ),
    ).toEqual([]);
  });

  it('no oci-layout file', () => {
    rmSync(join(project, REGISTRY, 'oci-layout'));
    expect(
      changesWhenRefused(
        Object.keys(VERBS),
        'layout-damaged',
        `${REGISTRY}/oci-layout is not what`,
        'it does not exist',
      ),
    ).toEqual([]);
  });
});

describe('a registry folder', () => {
  it('that is a file cannot be written, and costs no tag', () => {
    const fresh = churnProject();
    edit(fresh, 'edgeloop.yaml', ['oci:.edgeloop/registry', 'oci:README.md']);
    commit(fresh, 'a file as registry');
    expectError(fresh, ['retrain', 'churn'], {
      exit: 1,
      code: 'not-writable',
      says: [`cannot write ${fresh}/README.md/churn`],
    });
    expect(unfinishedIn(fresh)).toEqual([]);
  });

  it('that is gone is told with what git says should be there', () => {
    rmSync(join(project, '.edgeloop'), { recursive: true });
    const digest = JSON.parse(
      git(project, 'show', 'churn@v1.0.0:models/churn/model.lock.json'),
    ).modelManifest;
    for (const verb of ['plan', 'retrain', 'status']) {
      expectError(project, VERBS[verb] ?? [], {
        exit: 1,
        code: 'model-missing',
        says: [`${REGISTRY}@${digest} does not exist`],
      });
    }
    expectError(project, VERBS['release'] ?? [], {
      exit: 3,
      code: 'candidate-missing',
      says: ['edgeloop retrain churn'],
    });
    expectError(project, VERBS['rollout'] ?? [], {
      exit: 3,
      code: 'release-incomplete',
      says: [`churn@v1.0.0 in git means ${digest}`, '1.0.0-model', 'is absent'],
    });
    expect(git(project, 'tag')).toBe('churn#production#1\nchurn@v1.0.0');
  });
});

describe('a damaged release', () => {
  it.each<[string, () => string]>([
    ['a flipped byte in its manifest', () => flip(tagged(CHAMPION))],
    ['missing weights', () => remove(layer(CHAMPION, -1))],
    ['a flipped byte in its weights', () => flip(layer(CHAMPION, -1))],
  ])('with %s is not rolled out to another channel', (_, damage) => {
    const file = damage();
    expectError(project, ['rollout', 'churn@1.0.0', '--channel', 'canary'], {
      exit: 3,
      code: 'release-unverified',
      says: ['churn 1.0.0 fails its verification:', file, 'edgeloop verify churn'],
    });
    expect(git(project, 'tag', '-l', 'churn#canary#*')).toBe('');
  });

  it('that was never released, as told: the blob is deleted, and retrain makes it again', () => {
    remove(layer(CANDIDATE, -1));
    expect(edgeloop(project, 'retrain', 'churn').code).toBe(0);
  });
});
