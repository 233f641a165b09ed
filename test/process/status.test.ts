import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { edgeloop, edgeloopWith, git } from '../fixtures/churn-project.ts';
import { expectError, registryTags } from '../fixtures/expect-error.ts';
import { json } from '../fixtures/json-answer.ts';
import { copyOf, releasedVersions } from '../fixtures/released-versions.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const DIGEST = /^sha256:[0-9a-f]{64}$/;

let project: string;
beforeAll(() => {
  project = releasedVersions();
  const production = ['--channel', 'production'];
  for (const args of [
    ['rollout', 'churn@1.0.0', ...production],
    ['rollout', 'churn@2.0.0', ...production, '--allow-major'],
    ['rollback', 'churn', ...production],
    ['rollout', 'churn@2.0.0', '--channel', 'canary'],
    [
      'deprecate',
      'churn@2.1.0',
      '--why',
      'its card names no units, and nobody who reads what it answers can know them',
    ],
  ]) {
    const { code, stderr } = edgeloop(project, ...args);
    if (code !== 0) throw new Error(stderr);
  }
}, 60_000);

const lock = (version: string) =>
  JSON.parse(git(project, 'show', `churn@v${version}:models/churn/model.lock.json`));
const blob = (digest: string, of = project) =>
  join(of, '.edgeloop/registry/churn/blobs', digest.replace(':', '/'));
const readBlob = (digest: string) => JSON.parse(readFileSync(blob(digest), 'utf8'));

/** A page, every line of which fits a terminal but those that are commands to copy. */
function page(...args: string[]): string {
  const { code, stdout, stderr } = edgeloop(project, ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n').filter((line) => line.length > 80 && !line.includes('to list them: '))).toEqual(
    [],
  );
  return stdout;
}

describe('status', () => {
  it('lists versions with date, bump, reasons, main metric and whether they are deprecated', () => {
    const [model] = json(project, 0, 'status').models;
    expect(model).toMatchObject({
      model: 'churn',
      champion: { version: '1.0.0', digest: lock('1.0.0').modelManifest },
    });
    const expected = ['2.1.0', '2.0.0', '1.0.0'].map((version) => ({
      version,
      date: git(project, 'for-each-ref', '--format=%(creatordate:iso-strict)', `refs/tags/churn@v${version}`),
      bump: lock(version).bump,
      reasons: lock(version).reasons,
      metric: lock(version).metric,
      deprecated: version === '2.1.0',
      digest: lock(version).modelManifest,
      tag: `churn@v${version}`,
      commit: git(project, 'rev-parse', `churn@v${version}^{}`),
    }));
    expect(model.releases).toEqual(expected);
    expect(expected[0]?.metric).toEqual({ name: 'auc', value: expect.closeTo(0.93, 1) });
  });

  it('tells what each channel names and every document that it has had', () => {
    const [production, canary] = json(project, 0, 'status').channels;
    expect(production).toMatchObject({ channel: 'production', version: '1.0.0', sequence: 3, documents: 3 });
    const issued = expect.stringMatching(/^20\d\d-.*Z$/);
    expect(production.history).toEqual([
      { sequence: 3, version: '1.0.0', issued },
      { sequence: 2, version: '2.0.0', issued },
      { sequence: 1, version: '1.0.0', issued },
    ]);
    expect(canary).toMatchObject({ channel: 'canary', version: '2.0.0', history: [{ sequence: 1 }] });
  });

  it('says the same to people, a line for each', () => {
    const day = String.raw`20\d\d-\d\d-\d\d`;
    const lines = [
      'churn: champion 1\\.0\\.0, 3 releases',
      `  2\\.1\\.0  ${day}  minor  auc 0\\.9\\d+ +deprecated; param trees: 120 became 150`,
      `  2\\.0\\.0  ${day}  major  auc 0\\.9\\d+ +raised from patch to major on request; t…`,
      `  1\\.0\\.0  ${day}  first  auc 0\\.9\\d+ +first release`,
      `channel production: churn 1\\.0\\.0 \\(document 3, ${day}T.*Z\\)`,
      `  before: 2\\.0\\.0 \\(2, ${day}\\), 1\\.0\\.0 \\(1, ${day}\\)`,
      `channel canary: churn 2\\.0\\.0 \\(document 1, ${day}T.*Z\\)`,
    ];
    expect(page('status')).toMatch(new RegExp(`^${lines.join('\\n')}\\n$`));
  });
});

describe('status of one release', () => {
  it('leads from the digest to the data and the code that made it', () => {
    const { modelManifest, image, ...locked } = lock('2.0.0');
    const lineage = json(project, 0, 'status', modelManifest);
    expect(lineage).toMatchObject({
      model: 'churn',
      version: '2.0.0',
      bump: 'major',
      deprecated: false,
      tag: 'churn@v2.0.0',
      commit: git(project, 'rev-parse', 'churn@v2.0.0^{}'),
      releasedCommit: git(project, 'rev-parse', 'churn@v2.0.0^{}^'),
      trainedCommit: locked.trainedCommit,
      image: { digest: image, base: null },
      modelManifest: { digest: modelManifest },
      inputKey: locked.inputKey,
      champion: { version: '1.0.0', digest: lock('1.0.0').modelManifest },
      verdict: { digest: locked.verdict, outcome: 'pass', candidate: modelManifest },
      params: { trees: 120 },
      job: { target: 'local' },
      unreadable: [],
      devices: [],
    });
    // What is said of the data is true of the files at the commit that was trained.
    const stored = (path: string) =>
      execFileSync('git', ['show', `${locked.trainedCommit}:${path}`], { cwd: project, maxBuffer: 2 ** 26 });
    const described = (folder: string) => (path: string) => {
      const bytes = stored(`${folder}/${path}`);
      return { path, size: bytes.length, sha256: sha256(bytes) };
    };
    expect(lineage.dataset.first).toEqual(['churn-1.csv', 'churn-2.csv'].map(described('data/train')));
    expect(lineage.dataset).toMatchObject({
      digest: locked.dataset,
      files: 2,
      manifest: expect.stringMatching(DIGEST),
    });
    const code = lineage.code.first.map(({ path }: { path: string }) => path);
    expect(code).toContain('train.ts');
    expect(lineage.code.first).toEqual(code.map(described('training')));
    for (const { digest, list } of [lineage.dataset, lineage.code])
      expect(`sha256:${sha256(execFileSync('sh', ['-c', list]))}`).toBe(digest);
  });

  it('names referrers that hang on the model: lists, report and training log', () => {
    const { dataset, code, report, trainingLog, modelManifest } = json(project, 0, 'status', 'churn@2.0.0');
    const types = [dataset.manifest, code.manifest, report, trainingLog].map((digest) => {
      const { artifactType, subject } = readBlob(digest);
      expect(subject.digest).toBe(modelManifest.digest);
      return artifactType.replace('application/vnd.edgeloop.', '');
    });
    expect(types).toEqual([
      'dataset-manifest.v1+jsonl',
      'code-manifest.v1+jsonl',
      'report.v1+html',
      'training-log.v1+text',
    ]);
    expect(readBlob(report).annotations['dev.edgeloop.verdict']).toBe(lock('2.0.0').verdict);
  });

  it('is the same by name, by the digest of the model and by that of the image', () => {
    const byName = json(project, 0, 'status', 'churn@v1.0.0');
    expect(json(project, 0, 'status', lock('1.0.0').modelManifest)).toEqual(byName);
    expect(json(project, 0, 'status', lock('1.0.0').image)).toEqual(byName);
    expect(byName).toMatchObject({ champion: null, verdict: { outcome: 'first' } });
    expect(byName.channels).toEqual([
      { channel: 'production', sequence: 3, date: expect.stringMatching(/^20/), now: true },
      { channel: 'production', sequence: 1, date: expect.stringMatching(/^20/), now: false },
    ]);
  });

  it('is a page for people', () => {
    const text = page('status', 'churn@2.1.0');
    const { modelManifest, image, verdict, dataset, inputKey } = lock('2.1.0');
    const said = [
      /^churn 2\.1\.0, released 20.* UTC \(minor\)\nwhy {6}param trees: 120 became 150\n/,
      /\nwarning {2}deprecated by Ada <ada@example\.com> on 20.* UTC: its card\n {9}names no units/,
      `\ngit      churn@v2.1.0\n         commit ${git(project, 'rev-parse', 'churn@v2.1.0^{}')}\n`,
      `\nreleased on commit ${git(project, 'rev-parse', 'churn@v2.1.0^{}^')}\n`,
      `\nmodel    ${modelManifest}\n`,
      `\nimage    ${image}\n         without a base`,
      /\nchampion 1\.0\.0\n|\nchampion 2\.0\.0\n/,
      `\nverdict  ${verdict}\n         passed\n           auc `,
      `\ndata     ${dataset}\n         2 files, 301.5 kB; listed in the referrer\n         sha256:`,
      '\nparams   trees = 150\n',
      `\ninput key\n         ${inputKey}\n`,
      '\nchannels none has named it\n',
    ];
    for (const words of said) expect(text).toMatch(words);
    expect(page('status', 'churn@1.0.0')).toMatch(
      /\nchampion none: the first release\n[^]*\nchannels production names it \(document 3, since 20.* UTC\)\n {9}production named it \(document 1, 20/,
    );
  });

  it('goes as far as it can where something is lost, and says what', () => {
    const copy = copyOf(project);
    const { dataset, verdict } = json(project, 0, 'status', 'churn@2.0.0');
    rmSync(blob(readBlob(verdict.digest).layers[0].digest, copy));
    rmSync(blob(dataset.digest, copy));
    const lineage = json(copy, 0, 'status', lock('2.0.0').image);
    expect(lineage).toMatchObject({
      version: '2.0.0',
      dataset: { digest: dataset.digest, files: null, first: [] },
      code: { files: 11 },
      verdict: { digest: verdict.digest },
    });
    const lost = lineage.unreadable.map(
      ({ what, code }: { what: string; code: string }) => `${what}: ${code}`,
    );
    expect(lost).toEqual(['verdict: blob-missing', 'data: blob-missing']);
    const { stdout } = edgeloop(copy, 'status', 'churn@2.0.0');
    expect(stdout).toContain('the list of its files could not be read');
    expect(stdout).toMatch(/\nunread {3}.*\n/);
  });

  it('reads a shallow clone, which lacks the commits before', async () => {
    const clone = join(copyOf(project), 'shallow');
    git(project, 'clone', '--quiet', '--depth=1', '--no-tags', `file://${project}`, clone);
    const registry = { EDGELOOP_REGISTRY: `oci:${join(project, '.edgeloop/registry')}` };
    const digest = lock('2.1.0').modelManifest;
    const unfetched = await edgeloopWith(registry, clone, 'status', digest);
    expect(unfetched).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/error\[digest-unknown\][^]*git fetch origin/),
    });
    git(clone, 'fetch', '--quiet', '--depth=1', 'origin', '+refs/tags/*:refs/tags/*');
    const { code, stdout } = await edgeloopWith(registry, clone, 'status', digest, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ version: '2.1.0', releasedCommit: null, unreadable: [] });
  });

  it.each<[string, string[], string, string]>([
    [
      'another version',
      ['churn@9.9.9'],
      'release-unknown',
      'churn has no release 9.9.9; released: 2.1.0, 2.0.0, 1.0.0',
    ],
    ['another model', ['horn@1.0.0'], 'model-unknown', 'horn'],
    [
      'a digest that nobody knows',
      [`sha256:${'0'.repeat(64)}`],
      'digest-unknown',
      'no release of churn is sha256:0000',
    ],
    ['a short digest', ['sha256:0123'], 'usage', '"sha256:0123" is not MODEL@VERSION'],
    ['a name alone', ['churn'], 'usage', '"churn" is not MODEL@VERSION'],
    ['one release to compare', ['--diff', 'churn@1.0.0'], 'usage', 'does not name two releases'],
    ['three', ['--diff', 'churn@1.0.0', '2.0.0', '2.1.0'], 'usage', 'does not name two releases'],
    [
      'two beside a third',
      ['churn@1.0.0', '--diff', 'churn@1.0.0', '2.0.0'],
      'usage',
      'does not name two releases',
    ],
    ['a version of no model', ['--diff', '1.0.0', 'churn@2.0.0'], 'usage', '"1.0.0" is not MODEL@VERSION'],
    ['an unknown one', ['--diff', 'churn@1.0.0', '7.0.0'], 'release-unknown', 'churn has no release 7.0.0'],
  ])('tells whoever asks for %s what there is', (_, args, code, says) => {
    const ran = expectError(project, ['status', ...args], { exit: 2, code, says: [says] });
    expect(ran.code).toBe(2);
  });

  it('tells a candidate from what nobody knows', () => {
    expect(registryTags(project)).toContain(`in-${lock('2.0.0').inputKey}`);
    const { digest } = json(project, 0, 'status', 'churn@2.0.0').verdict;
    const ran = expectError(project, ['status', digest], { exit: 2, code: 'digest-unknown', says: [] });
    expect(ran.stderr).toContain(`${digest} is in the registry of churn, but no release is it`);
  });
});

describe('status --diff', () => {
  it('tells what changed between two versions, and what did not', () => {
    const diff = json(project, 0, 'status', '--diff', 'churn@1.0.0', '2.1.0');
    const { metric: before } = lock('1.0.0');
    const { metric: after } = lock('2.1.0');
    expect(diff).toMatchObject({
      from: { model: 'churn', version: '1.0.0', digest: lock('1.0.0').modelManifest },
      to: { model: 'churn', version: '2.1.0', digest: lock('2.1.0').modelManifest },
      modelSignature: [],
      requirements: [],
      params: [{ name: 'trees', from: 120, to: 150 }],
      data: {
        from: lock('1.0.0').dataset,
        to: lock('2.1.0').dataset,
        files: { added: { files: 1, paths: ['churn-2.csv'] }, removed: { files: 0 }, modified: { files: 0 } },
      },
      code: null,
      command: null,
      environment: null,
      sameHoldout: true,
      base: null,
      unknown: [],
      unreadable: [],
    });
    expect(diff.metrics[0]).toEqual({
      name: 'auc',
      from: before.value,
      to: after.value,
      difference: after.value - before.value,
    });
    expect(diff.size.difference).toBe(diff.size.to - diff.size.from);
    expect(json(project, 0, 'status', '--diff', 'churn@1.0.0', 'churn@v2.1.0')).toEqual(diff);
  });

  it('is a page for people', () => {
    expect(page('status', '--diff', 'churn@2.1.0', '1.0.0')).toMatch(
      /^churn 2\.1\.0 to 1\.0\.0\ndata\n {2}files: none added, 1 removed \(120\.6 kB\), none modified\n {2}- churn-2\.csv\nparams\n {2}trees: 150 became 120\nsize\n {2}\S+ kB became \S+ kB \(-\S+ kB\)\nmetrics\n +2\.1\.0 +1\.0\.0 +difference\n {2}auc +0\.9\d+ +0\.9\d+ +-0\.\d+\n[^]*\nthe same: model signature, requirements, code, command, environment, image base\n$/,
    );
    expect(page('status', '--diff', 'churn@1.0.0', '1.0.0')).toMatch(
      /^churn 1\.0\.0 to 1\.0\.0\nmetrics\n[^]*the same: model signature, requirements, data, /,
    );
  });
});
