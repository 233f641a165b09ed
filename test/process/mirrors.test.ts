import { spawn } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  churnProject,
  commit,
  edgeloop,
  git,
  PROGRAM,
  secondPartArrives,
} from '../fixtures/churn-project.ts';
import { edit, taggedManifests, trainWith } from '../fixtures/expect-error.ts';
import { json } from '../fixtures/json-answer.ts';

/** Runs `edgeloop ARGS --json` beside others of its kind. */
function beside(
  project: string,
  ...args: string[]
): Promise<{ code: number | null; result: Record<string, unknown> }> {
  const child = spawn(process.execPath, [PROGRAM, ...args, '--json'], { cwd: project });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  return new Promise((done) => child.once('close', (code) => done({ code, result: JSON.parse(stdout) })));
}

const blobs = (project: string) => join(project, '.edgeloop/registry/churn/blobs/sha256');

function released(): string {
  const project = churnProject();
  json(project, 0, 'retrain', 'churn');
  json(project, 0, 'release', 'churn');
  json(project, 0, 'rollout', 'churn@1.0.0', '--channel', 'production');
  return project;
}

describe('two at once', () => {
  it('of two retrainings of the same inputs one trains, the other waits and reuses', async () => {
    const project = churnProject();
    const both = await Promise.all([
      beside(project, 'retrain', 'churn'),
      beside(project, 'retrain', 'churn'),
    ]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.map(({ result }) => result['reused']).toSorted()).toEqual([false, true]);
    expect(both[0]?.result['candidate']).toMatchObject({
      digest: Object(both[1]?.result['candidate']).digest,
    });
  });

  it('of two releases one wins, and the other says so', async () => {
    const project = churnProject();
    json(project, 0, 'retrain', 'churn');
    const both = await Promise.all([
      beside(project, 'release', 'churn'),
      beside(project, 'release', 'churn'),
    ]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.map(({ result }) => result['version'])).toEqual(['1.0.0', '1.0.0']);
    expect(both.map(({ result }) => result['created']).toSorted()).toEqual([false, true]);
    expect(git(project, 'tag')).toBe('churn@v1.0.0');
    expect(json(project, 0, 'verify')).toEqual({ ok: true, findings: [] });
  });
});

/** A copy of a project, as another machine has it, with the same registry. */
const sharing = (project: string) => {
  const other = join(mkdtempSync(join(tmpdir(), 'edgeloop-other-')), 'churn');
  cpSync(project, other, { recursive: true });
  edit(other, 'edgeloop.yaml', [/registry: .*/, `registry: oci:${join(project, '.edgeloop/registry')}`]);
  commit(other, 'the same registry');
  return other;
};

describe('two machines that see one registry', () => {
  it('train once: the other one takes what is there', () => {
    const project = churnProject();
    const other = sharing(project);
    const { digest } = json(project, 0, 'retrain', 'churn').candidate;
    expect(json(other, 0, 'retrain', 'churn')).toMatchObject({ reused: true, candidate: { digest } });
    expect(existsSync(join(other, '.edgeloop/logs'))).toBe(false);
  });

  it('and train at the same time keep one candidate, the one that was there first', () => {
    const project = churnProject();
    trainWith(project, 'sh run.sh ${{inputs.train}} ${{outputs.model}}');
    const other = sharing(project);
    const train = 'node training/train.ts --data "$1" --out "$2" --trees 10';
    // While the first one trains, the other one ends the same training, with another model: run.sh is not in its key.
    const meanwhile = `${process.execPath} ${PROGRAM} retrain churn --json --config ${other}/edgeloop.yaml`;
    writeFileSync(join(project, 'run.sh'), `${meanwhile} && ${train}\n`);
    writeFileSync(join(other, 'run.sh'), `${train} --rate 0.2\n`);
    for (const folder of [project, other]) commit(folder, 'its own script');

    const { code, stdout, stderr } = edgeloop(project, 'retrain', 'churn', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('was kept first') });
    const { reused, candidate } = JSON.parse(stdout);
    expect(reused).toBe(true);
    expect(taggedManifests(project)).toEqual([
      { tag: expect.stringMatching(/^in-/), digest: candidate.digest },
    ]);
    expect(json(project, 0, 'release', 'churn').modelManifest.digest).toBe(candidate.digest);
  });
});

describe('rollback', () => {
  it('names an older release with a higher sequence, back and forth', () => {
    const project = released();
    expect(json(project, 2, 'rollback', 'churn', '--channel', 'production').error.code).toBe(
      'no-predecessor',
    );
    secondPartArrives(project);
    json(project, 0, 'retrain', 'churn');
    json(project, 0, 'release', 'churn');
    json(project, 0, 'rollout', 'churn@1.0.1', '--channel', 'production');
    expect(json(project, 0, 'rollback', 'churn', '--channel', 'production')).toMatchObject({
      sequence: 3,
      version: '1.0.0',
    });
    expect(json(project, 0, 'rollback', 'churn', '--channel', 'production', '--to', '1.0.1')).toMatchObject({
      sequence: 4,
      version: '1.0.1',
    });
    expect(json(project, 2, 'rollback', 'churn', '--channel', 'production', '--to', '7.0.0').error.code).toBe(
      'release-unknown',
    );
    expect(json(project, 0, 'verify')).toEqual({ ok: true, findings: [] });
  });
});

describe('retrain of what was released before, while the channel names an older release', () => {
  it('promises no version that release would not give', () => {
    const project = released();
    secondPartArrives(project);
    json(project, 0, 'retrain', 'churn');
    json(project, 0, 'release', 'churn');
    expect(json(project, 0, 'status').models[0].champion.version).toBe('1.0.0');
    const { reused, verdict, next, report } = json(project, 0, 'retrain', 'churn');
    expect({ reused, outcome: verdict.outcome, next }).toEqual({ reused: true, outcome: 'pass', next: null });
    expect(readFileSync(report, 'utf8')).toContain('None: it is released already, as `1.0.1`.');
    expect(json(project, 0, 'release', 'churn')).toMatchObject({ version: '1.0.1', created: false });
  });
});

describe('retrain --from', () => {
  it('gates a model that was trained elsewhere, and says that its origin is not proven', () => {
    const project = released();
    const trained = join(project, '.edgeloop/candidates/churn');
    const elsewhere = mkdtempSync(join(tmpdir(), 'edgeloop-elsewhere-'));
    copyFileSync(join(trained, readdirSync(trained)[0] ?? '', 'model.onnx'), join(elsewhere, 'model.onnx'));
    secondPartArrives(project);
    const taken = json(project, 0, 'retrain', 'churn', '--from', elsewhere);
    expect(taken).toMatchObject({ reused: false, verdict: { outcome: 'pass' }, next: { version: '1.0.1' } });
    expect(taken.job).toMatch(/^elsewhere-[0-9a-f]{12}$/);
    expect(readFileSync(taken.report, 'utf8')).toContain('Its origin is not proven');
    expect(json(project, 0, 'retrain', 'churn', '--from', elsewhere)).toMatchObject({
      reused: true,
      candidate: { digest: taken.candidate.digest },
    });
    expect(json(project, 0, 'release', 'churn')).toMatchObject({
      version: '1.0.1',
      modelManifest: { digest: taken.candidate.digest },
    });
    expect(json(project, 0, 'verify')).toEqual({ ok: true, findings: [] });
  });

  it('refuses a folder without a model, and another model for inputs that were trained', () => {
    const project = released();
    const empty = mkdtempSync(join(tmpdir(), 'edgeloop-elsewhere-'));
    secondPartArrives(project);
    expect(json(project, 1, 'retrain', 'churn', '--from', empty).error.code).toBe('model-unreadable');
    const first = git(project, 'rev-parse', 'HEAD');
    json(project, 0, 'retrain', 'churn');
    const trained = json(project, 0, 'retrain', 'churn').candidate.path;
    copyFileSync(join(trained, 'model.onnx'), join(empty, 'model.onnx'));
    git(project, 'checkout', '--quiet', `${first}~1`);
    expect(json(project, 2, 'retrain', 'churn', '--from', empty).error.code).toBe('already-trained');
  });
});

describe('retrain --allow-dirty', () => {
  it('judges uncommitted changes, and keeps nothing that could be released', () => {
    const project = released();
    renameSync(join(project, 'arrivals/churn-2.csv'), join(project, 'data/train/churn-2.csv'));
    const before = readdirSync(blobs(project));
    const tried = json(project, 0, 'retrain', 'churn', '--allow-dirty');
    expect(tried).toMatchObject({
      verdict: { outcome: 'pass' },
      next: null,
      uncommitted: ['data/train/churn-2.csv'],
    });
    expect(readFileSync(tried.report, 'utf8')).toContain('uncommitted changes (data/train/churn-2.csv)');
    expect(readdirSync(blobs(project))).toEqual(before);
    expect(json(project, 2, 'release', 'churn').error.code).toBe('uncommitted-changes');
    commit(project, 'now committed');
    expect(json(project, 3, 'release', 'churn').error.code).toBe('candidate-missing');
    expect(json(project, 0, 'retrain', 'churn')).toMatchObject({
      reused: false,
      uncommitted: [],
      next: { version: '1.0.1' },
    });
  });
});
