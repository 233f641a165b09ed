import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  churnProject,
  commit,
  edgeloop,
  git,
  PROGRAM,
  secondPartArrives,
} from '../fixtures/churn-project.ts';
import { json } from '../fixtures/json-answer.ts';

// One project that lives through the loop, step after step, as a team's does.
describe('the loop', () => {
  let project: string;
  let first: { candidate: { digest: string; path: string }; inputKey: string };

  beforeAll(() => {
    project = churnProject();
  });

  it('plans a first training', () => {
    expect(json(project, 0, 'plan')).toEqual({
      models: [
        {
          model: 'churn',
          inputKey: expect.stringMatching(/^[0-9a-f]{64}$/),
          decision: 'train',
          reasons: ['no release yet: this is the first training'],
          changes: null,
          dataset: { digest: expect.stringMatching(/^sha256:/), files: 1, bytes: 180_869 },
          champion: null,
          candidate: null,
        },
      ],
    });
    // Only what saves work the next time, out of git's sight.
    expect(readdirSync(join(project, '.edgeloop')).toSorted()).toEqual(['.gitignore', 'cache']);
    expect(git(project, 'status', '--porcelain')).toBe('');
  });

  it('trains, judges as a first release, and keeps the candidate', () => {
    first = json(project, 0, 'retrain', 'churn');
    expect(first).toMatchObject({
      model: 'churn',
      reused: false,
      verdict: { outcome: 'first' },
      next: { version: '1.0.0', bump: 'first' },
      candidate: { digest: expect.stringMatching(/^sha256:/) },
    });
    const card = JSON.parse(readFileSync(join(first.candidate.path, 'edgeloop.json'), 'utf8'));
    expect(card.training).toMatchObject({
      inputKey: first.inputKey,
      commit: git(project, 'rev-parse', 'HEAD'),
    });
    expect(card.modelSignature.labels).toEqual(['no', 'yes']);
    expect(card.statistics.total_day_minutes.kind).toBe('numeric');
    expect(JSON.stringify(card)).not.toMatch(/version|champion|verdict/i);
    const schema = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../schema/card.schema.json'), 'utf8'),
    );
    const isCard = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema);
    expect({ valid: isCard(card), errors: isCard.errors }).toEqual({ valid: true, errors: null });
    expect(isCard({ ...card, version: '1.0.0' })).toBe(false);
  });

  it('reuses what was trained: the same digest', () => {
    expect(json(project, 0, 'plan', 'churn').models[0]).toMatchObject({
      decision: 'reuse',
      candidate: first.candidate.digest,
    });
    expect(json(project, 0, 'retrain', 'churn')).toMatchObject({
      reused: true,
      candidate: { digest: first.candidate.digest },
    });
  });

  it('releases 1.0.0 as a tag on a commit of no branch that adds only the lock file', () => {
    const head = git(project, 'rev-parse', 'HEAD');
    const released = json(project, 0, 'release', 'churn');
    expect(released).toMatchObject({ model: 'churn', version: '1.0.0', bump: 'first', tag: 'churn@v1.0.0' });
    expect(released.modelManifest.digest).toBe(first.candidate.digest);
    expect(git(project, 'rev-parse', 'HEAD')).toBe(head);
    expect(git(project, 'diff', '--name-status', head, 'churn@v1.0.0')).toBe(
      'A\tmodels/churn/model.lock.json',
    );
    expect(git(project, 'log', '-1', '--format=%P', 'churn@v1.0.0')).toBe(head);
    const lock = JSON.parse(git(project, 'show', 'churn@v1.0.0:models/churn/model.lock.json'));
    expect(lock).toMatchObject({
      version: '1.0.0',
      modelManifest: first.candidate.digest,
      image: released.image.digest,
      champion: null,
    });
  });

  it('releases nothing twice', () => {
    expect(json(project, 0, 'release', 'churn')).toMatchObject({ version: '1.0.0', created: false });
    expect(git(project, 'tag')).toBe('churn@v1.0.0');
  });

  it('refuses to roll out what was not released, or to a channel that does not exist', () => {
    expect(json(project, 2, 'rollout', 'churn@9.9.9', '--channel', 'production').error.code).toBe(
      'release-unknown',
    );
    expect(json(project, 2, 'rollout', 'churn@1.0.0', '--channel', 'staging').error.code).toBe(
      'channel-unknown',
    );
  });

  it('moves the channel, and does nothing when it is there', () => {
    const moved = {
      channel: 'production',
      sequence: 1,
      model: 'churn',
      version: '1.0.0',
      digest: first.candidate.digest,
    };
    expect(json(project, 0, 'rollout', 'churn@1.0.0', '--channel', 'production')).toEqual(moved);
    expect(json(project, 0, 'rollout', 'churn@1.0.0', '--channel', 'production')).toEqual(moved);
    expect(git(project, 'rev-parse', 'churn#production#1^{}')).toBe(
      git(project, 'rev-parse', 'churn@v1.0.0^{}'),
    );
    expect(json(project, 0, 'plan').models[0].decision).toBe('unchanged');
  });

  it('gives new data a patch version, gated against the champion', () => {
    secondPartArrives(project);
    expect(json(project, 0, 'plan').models[0]).toMatchObject({
      decision: 'train',
      reasons: ['the training data changed: 1 file added (churn-2.csv; 120,605 bytes)'],
    });
    const retrained = json(project, 0, 'retrain', 'churn');
    expect(retrained).toMatchObject({
      verdict: { outcome: 'pass' },
      next: { version: '1.0.1', bump: 'patch' },
    });
    expect(retrained.verdict.metrics.auc).toMatchObject({ passed: true, interval: { level: 0.95 } });
    expect(retrained.verdict.metrics.auc.candidate).toBeGreaterThan(retrained.verdict.metrics.auc.champion);
    expect(readFileSync(retrained.report, 'utf8')).toMatch(
      /^## ✅ `churn` passed the gate against champion `1\.0\.0`/,
    );
    expect(json(project, 0, 'release', 'churn')).toMatchObject({ version: '1.0.1', bump: 'patch' });
    expect(json(project, 0, 'rollout', 'churn@1.0.1', '--channel', 'production')).toMatchObject({
      sequence: 2,
    });
  });

  it('refuses a training on inverted labels with exit code 3, and releases nothing', () => {
    const file = join(project, 'data/train/churn-2.csv');
    const inverted = readFileSync(file, 'utf8').replaceAll(/,(yes|no)$/gm, (_, label) =>
      label === 'yes' ? ',no' : ',yes',
    );
    writeFileSync(join(project, 'data/train/churn-3.csv'), inverted);
    commit(project, 'a bad delivery');
    const retrained = json(project, 3, 'retrain', 'churn');
    expect(retrained).toMatchObject({ verdict: { outcome: 'fail' }, next: null });
    expect(retrained.verdict.reasons.join()).toContain('auc');
    const released = json(project, 3, 'release', 'churn');
    expect(released.error.code).toBe('gate-refused');
    expect(git(project, 'tag', '-l', 'churn@*')).toBe('churn@v1.0.0\nchurn@v1.0.1');
  });

  it('shows releases, champion and channel', () => {
    expect(json(project, 0, 'status')).toMatchObject({
      models: [
        {
          model: 'churn',
          champion: { version: '1.0.1' },
          releases: [
            { version: '1.0.1', bump: 'patch' },
            { version: '1.0.0', bump: 'first' },
          ],
        },
      ],
      channels: [{ channel: 'production', version: '1.0.1', sequence: 2, attestation: 'missing' }],
      devices: [],
    });
  });

  it('keeps what a registry must hold (DESIGN 8.4)', () => {
    const index = JSON.parse(readFileSync(join(project, '.edgeloop/registry/churn/index.json'), 'utf8'));
    const tags: string[] = index.manifests.flatMap(
      (entry: { annotations?: Record<string, string> }) =>
        entry.annotations?.['org.opencontainers.image.ref.name'] ?? [],
    );
    expect(tags.filter((tag) => !tag.startsWith('in-')).toSorted()).toEqual([
      '1',
      '1.0',
      '1.0.0',
      '1.0.0-model',
      '1.0.1',
      '1.0.1-model',
      'channel-production',
      'channel-production.1',
      'channel-production.2',
    ]);
    expect(tags.filter((tag) => tag.startsWith('in-'))).toHaveLength(3);
  });
});

describe('wrong use', () => {
  it.each([
    ['an unknown verb', ['frobnicate'], 'usage'],
    ['an unknown option', ['plan', '--fast'], 'usage'],
    ['a missing argument', ['retrain'], 'usage'],
    ['no configuration', ['plan'], 'config-not-found'],
    ['a rollout of no version', ['rollout', 'churn', '--channel', 'production'], 'usage'],
  ])('%s exits with 2 and says what to do, without a stack', (_, args, code) => {
    const ran = edgeloop('/tmp', ...args);
    expect(ran.code).toBe(2);
    expect(ran.stdout).toBe('');
    expect(ran.stderr).toContain(`error[${code}]`);
    expect(ran.stderr).not.toMatch(/\n\s+at /);
  });

  it('refuses uncommitted changes to what a model is made of, and names them', () => {
    const project = churnProject();
    writeFileSync(join(project, 'data/train/extra.csv'), 'x\n');
    writeFileSync(join(project, 'unrelated.txt'), 'x\n');
    const ran = edgeloop(project, 'retrain', 'churn');
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('error[uncommitted-changes]: data/train/extra.csv differs');
    expect(ran.stderr).not.toContain('unrelated');
    expect(existsSync(join(project, '.edgeloop'))).toBe(false);
  });

  it('passes on what the training said, and leaves nothing in the registry', () => {
    const project = churnProject();
    const file = join(project, 'data/train/churn-1.csv');
    writeFileSync(file, readFileSync(file, 'utf8').replace('265.1', 'many'));
    commit(project, 'a typing error');
    const ran = edgeloop(project, 'retrain', 'churn');
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(
      /error\[training-failed\][\s\S]*churn-1\.csv:2:\d+: found "many", expected a number/,
    );
    expect(existsSync(join(project, '.edgeloop/registry'))).toBe(false);
  });
});

/** Runs a verb in a Node that says it is of another version. */
const asNode = (version: string, ...args: string[]) => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const preload = `data:text/javascript,${encodeURIComponent(pretend)}`;
  return spawnSync(process.execPath, ['--import', preload, PROGRAM, ...args], { encoding: 'utf8' });
};

describe('an older Node', () => {
  it.each(['20.20.2', '22.22.2', '24.14.9'])('%s is told what is needed, and nothing else', (version) => {
    const { status, stdout, stderr } = asNode(version, 'plan', '--json');
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching(
        /^error\[node-too-old\]: Edgeloop needs Node 24\.15 or newer, and this is Node \S+ \(.*\)\n {2}.*\n$/,
      ),
    });
    expect(JSON.parse(stdout).error.code).toBe('node-too-old');
    const { engines } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
    expect(engines.node).toBe('>=24.15');
  });

  it.each(['24.15.0', '25.0.0'])('but %s is new enough', (version) => {
    expect(asNode(version, '--version')).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('--help', () => {
  it.each([
    [],
    ['plan'],
    ['retrain'],
    ['release'],
    ['rollout'],
    ['deprecate'],
    ['status'],
    ['agent'],
    ['quickstart'],
    ['device', 'status'],
    ['device', 'poll'],
    ['device', 'rollback'],
  ])('of "%s %s" goes to stdout with exit code 0, and shows an example', (...words) => {
    const ran = edgeloop('/tmp', ...words, '--help');
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('Usage: edgeloop');
    expect(ran.stdout).toContain('$ edgeloop');
  });
});
