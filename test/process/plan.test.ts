import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  churnProject,
  commit,
  edgeloop,
  edgeloopAsync,
  git,
  secondPartArrives,
} from '../fixtures/churn-project.ts';
import { edit, expectError, registryTags } from '../fixtures/expect-error.ts';

let project: string;
beforeEach(() => {
  project = churnProject();
});

function json(...args: string[]) {
  const { code, stdout, stderr } = edgeloop(project, ...args, '--json');
  expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
  return JSON.parse(stdout);
}
const plan = (...args: string[]) => json('plan', ...args).models[0];
const key = () => plan().inputKey;
const write = (path: string, text: string) => writeFileSync(join(project, path), text);

describe('plan against the champion', () => {
  it('tells which files of data and code changed, which params, and the environment', () => {
    json('retrain', 'churn');
    json('release', 'churn');
    expect(plan()).toMatchObject({ decision: 'unchanged', reasons: ['nothing changed since churn 1.0.0'] });

    secondPartArrives(project);
    edit(project, 'edgeloop.yaml', ['trees: 120', 'trees: 90, depth: 3']);
    edit(project, 'training/bins.ts', [/^/, '// another comment\n']);
    edit(project, 'package-lock.json', ['"1.0.0"', '"1.0.1"']);
    commit(project, 'everything');
    const { decision, reasons, changes } = plan();
    expect(decision).toBe('train');
    expect(changes).toMatchObject({
      command: false,
      environment: true,
      params: [
        { name: 'trees', from: 120, to: 90 },
        { name: 'depth', from: null, to: 3 },
      ],
      data: { added: { files: 1, bytes: 120_605, paths: ['churn-2.csv'] }, removed: { files: 0 } },
      code: { modified: { files: 1, paths: ['bins.ts'] }, added: { files: 0 } },
    });
    expect(reasons).toEqual([
      expect.stringMatching(/^the training code changed: 1 file modified \(bins\.ts; [\d,]+ bytes\)$/),
      'the environment changed',
      'param trees: 120 became 90',
      'param depth: absent became 3',
      'the training data changed: 1 file added (churn-2.csv; 120,605 bytes)',
    ]);
    renameSync(join(project, 'data/train/churn-2.csv'), join(project, 'data/train/second.csv'));
    commit(project, 'renamed');
    const { data } = plan().changes;
    expect([data.added.paths, data.removed.paths]).toEqual([['second.csv'], []]);
  });
});

describe('plan --since', () => {
  it('compares with a commit, as a pull request does', () => {
    expect(plan('--since', 'HEAD')).toMatchObject({
      decision: 'unchanged',
      reasons: ['nothing changed since HEAD'],
    });
    git(project, 'checkout', '--quiet', '-b', 'topic');
    write('README.md', 'unrelated\n');
    commit(project, 'unrelated');
    expect(plan('--since', 'main').decision).toBe('unchanged');
    secondPartArrives(project);
    edit(project, 'edgeloop.yaml', ['trees: 120', 'trees: 121']);
    commit(project, 'more trees');
    expect(plan('--since', 'main')).toMatchObject({
      decision: 'train',
      reasons: ['param trees: 120 became 121', expect.stringContaining('1 file added (churn-2.csv')],
      changes: { params: [{ name: 'trees', from: 120, to: 121 }], data: { added: { files: 1 } }, code: null },
    });
    json('retrain', 'churn');
    expect(plan('--since', 'main').decision).toBe('reuse');
  });

  it('says what the commit did not have yet, and what is no commit', () => {
    git(project, 'checkout', '--quiet', '--orphan', 'empty');
    git(project, 'rm', '-r', '-q', '--cached', '.');
    git(project, 'commit', '--quiet', '--allow-empty', '-m', 'nothing');
    git(project, 'checkout', '--quiet', '--force', 'main');
    expect(plan('--since', 'empty')).toMatchObject({
      decision: 'train',
      reasons: ['empty has no edgeloop.yaml yet'],
      changes: null,
    });
    expectError(project, ['plan', '--since', 'nowhere'], {
      exit: 2,
      code: 'revision-unknown',
      says: ['knows no commit "nowhere"', 'git fetch'],
    });
  });
});

describe('what is not committed', () => {
  it('names code by what git would take: new files, and nothing that is ignored', () => {
    const clean = key();
    mkdirSync(join(project, 'training/__pycache__'));
    write('training/__pycache__/x.pyc', 'x');
    write('.gitignore', '__pycache__/\n');
    expect(key()).toBe(clean);
    write('training/new.ts', 'export {};\n');
    const dirty = key();
    expect(dirty).not.toBe(clean);
    expect(git(project, 'status', '--porcelain', 'training')).toBe('?? training/new.ts');
    commit(project, 'new file');
    expect(key()).toBe(dirty);
  });

  it('names data by what lies on the disk', () => {
    const clean = plan().dataset.digest;
    write('data/train/note.csv', 'x');
    expect(plan().dataset.digest).not.toBe(clean);
    rmSync(join(project, 'data/train/note.csv'));
    expect(plan().dataset.digest).toBe(clean);
    write('data/train/.edgeloopignore', 'note.*\n');
    write('data/train/note.csv', 'x');
    expect(plan().dataset.digest).toBe(clean);
  });

  it('is never trained under the name of something else, whatever git was told', () => {
    git(project, 'update-index', '--assume-unchanged', 'data/train/churn-1.csv');
    edit(project, 'data/train/churn-1.csv', [/,no\n/, ',yes\n']);
    expectError(project, ['retrain', 'churn'], {
      exit: 1,
      code: 'dataset-differs',
      says: [/is sha256:\w+ on this disk, but sha256:\w+ was planned/],
    });
    expect(registryTags(project)).toEqual([]);
  });

  it('cannot be code that git ignores', () => {
    write('.gitignore', 'training/\n');
    git(project, 'rm', '-r', '-q', '--cached', 'training');
    git(project, 'add', '.gitignore');
    git(project, 'commit', '--quiet', '-m', 'code is gone');
    for (const verb of [['plan'], ['retrain', 'churn']]) {
      expectError(project, verb, { exit: 2, code: 'code-ignored', says: ['git ignores', '.gitignore'] });
    }
    expect(registryTags(project)).toEqual([]);
  });
});

const pointer = (text: string) => {
  const oid = createHash('sha256').update(text).digest('hex');
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${text.length}\n`;
};

describe('data by reference', () => {
  it('is planned without its content, and trained only with it: Git LFS', () => {
    const csv = readFileSync(join(project, 'data/train/churn-1.csv'), 'utf8');
    const fetched = plan();
    write('data/train/churn-1.csv', pointer(csv));
    commit(project, 'a pointer');
    expect(plan()).toMatchObject({ inputKey: fetched.inputKey, dataset: fetched.dataset });
    expect(edgeloop(project, 'plan').stdout).toContain('1 file, 1 of them not fetched');
    expectError(project, ['retrain', 'churn'], {
      exit: 1,
      code: 'dataset-absent',
      says: ['churn-1.csv is a Git LFS pointer', 'git lfs pull'],
    });
  });

  it('is planned without its content, and trained only with it: DVC', () => {
    const md5 = createHash('md5')
      .update(readFileSync(join(project, 'data/train/churn-1.csv')))
      .digest('hex');
    renameSync(join(project, 'data/train/churn-1.csv'), join(project, 'data/churn.csv'));
    write('data/churn.csv.dvc', `outs:\n- md5: ${md5}\n  size: 180869\n  hash: md5\n  path: churn.csv\n`);
    write('.gitignore', '/data/churn.csv\n');
    edit(project, 'edgeloop.yaml', ['train: data/train', 'train: data/churn.csv']);
    commit(project, 'DVC');
    const { inputKey } = plan();
    expect(json('retrain', 'churn')).toMatchObject({
      inputKey,
      reused: false,
      verdict: { outcome: 'first' },
    });
    rmSync(join(project, 'data/churn.csv'));
    expect(plan()).toMatchObject({ inputKey, decision: 'reuse' });
    rmSync(join(project, '.edgeloop/registry'), { recursive: true });
    expectError(project, ['retrain', 'churn'], { exit: 1, code: 'dataset-absent', says: ['dvc pull'] });
  });

  it('is planned by its listing, and downloaded for a training: a web folder', async () => {
    const parts = { 'churn-1.csv': readFileSync(join(project, 'data/train/churn-1.csv')) };
    const asked: string[] = [];
    const server = createServer((request, response) => {
      const name = request.url?.slice(1) ?? '';
      asked.push(name);
      const files = Object.entries(parts).map(([path, bytes]) => ({
        path,
        size: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      }));
      response.end(name === 'index.json' ? JSON.stringify({ files }) : parts['churn-1.csv']);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void server.close().closeAllConnections());
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`;
    const { dataset } = plan();
    rmSync(join(project, 'data/train'), { recursive: true });
    edit(project, 'edgeloop.yaml', ['train: data/train', `train: ${url}`]);
    commit(project, 'data elsewhere');
    const planned = JSON.parse((await edgeloopAsync(project, 'plan', '--json')).stdout).models[0];
    expect(planned.dataset).toEqual(dataset);
    expect(asked).toEqual(['index.json']);
    const trained = await edgeloopAsync(project, 'retrain', 'churn', '--json');
    expect({ code: trained.code, stderr: trained.code === 0 ? '' : trained.stderr }).toEqual({
      code: 0,
      stderr: '',
    });
    expect(asked).toContain('churn-1.csv');
    expect(existsSync(join(project, 'data/train'))).toBe(false);
  });
});

const TRAIN =
  'node training/train.ts --data ${{inputs.train}} --out ${{outputs.model}} --trees ${{inputs.trees}}';

const look = (path: string) => `[ -e ${path} ] && echo "${path} there" || echo "${path} not there"`;

describe('a training', () => {
  it('runs in a clean copy of the commit, without the holdout, and cannot harm the project', () => {
    write('left-over.txt', 'not committed');
    write('helper.txt', 'committed');
    git(project, 'add', 'helper.txt');
    const seen = ['helper.txt', 'left-over.txt', 'data/holdout.csv', 'data/train', 'training/train.ts'];
    const run = `${seen.map(look).join('; ')}; rm helper.txt; ${TRAIN}`;
    edit(project, 'edgeloop.yaml', [/run: .*/, `run: ${JSON.stringify(run)}`]);
    git(project, 'commit', '--quiet', '-am', 'looks around');
    const { stderr, code } = edgeloop(project, 'retrain', 'churn', '--json');
    expect(code).toBe(0);
    expect(stderr.match(/(?<=\| ).* there/g)).toEqual([
      'helper.txt there',
      'left-over.txt not there',
      'data/holdout.csv not there',
      'data/train not there',
      'training/train.ts there',
    ]);
    expect(existsSync(join(project, 'helper.txt'))).toBe(true);
    expect(existsSync(join(project, '.edgeloop/training'))).toBe(true);
    expect(git(project, 'status', '--porcelain')).toBe('?? left-over.txt');
  });

  it('takes no word of a path, a param or a branch for a command', () => {
    const base = dirname(project);
    const odd = join(base, `we ird'$(touch pwned)"; touch pwned; x`);
    mkdirSync(odd);
    renameSync(project, join(odd, 'churn'));
    project = join(odd, 'churn');
    git(project, 'checkout', '--quiet', '-b', 'x;$(id>pwned);`id>pwned`');
    const note = "'; touch pwned; $(touch pwned) `touch pwned`";
    const run = `${TRAIN}; printf '%s\\n' \${{inputs.note}}`;
    edit(
      project,
      'edgeloop.yaml',
      [/run: .*/, `run: ${JSON.stringify(run)}`],
      ['trees: 120', `trees: 120, note: ${JSON.stringify(note)}`],
    );
    commit(project, 'odd');
    const { code, stderr, stdout } = edgeloop(project, 'retrain', 'churn', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining(`| ${note}\n`) });
    expect(JSON.parse(stdout).verdict.outcome).toBe('first');
    const made = readdirSync(base, { recursive: true }).map((path) => basename(String(path)));
    expect(made).not.toContain('pwned');
  });

  it('with --allow-dirty runs with what is not committed', () => {
    write('training/extra.ts', "console.log('extra');\n");
    edit(project, 'training/train.ts', [/^/, "import './extra.ts';\n"]);
    const { stderr } = edgeloop(project, 'retrain', 'churn', '--allow-dirty', '--json');
    expect(stderr).toContain('| extra');
  });

  it('refuses data that change while it runs', () => {
    const run = `${TRAIN}; echo >> \${{inputs.train}}/churn-1.csv`;
    edit(project, 'edgeloop.yaml', [/run: .*/, `run: ${JSON.stringify(run)}`]);
    commit(project, 'spoils its data');
    expectError(project, ['retrain', 'churn'], { exit: 1, code: 'dataset-differs', says: ['was planned'] });
    expect(registryTags(project)).toEqual([]);
  });

  it('reads several paths as one folder', () => {
    renameSync(join(project, 'arrivals'), join(project, 'data/second'));
    edit(project, 'edgeloop.yaml', [
      'train: data/train',
      'train: [data/train/churn-1.csv, data/second/churn-2.csv]',
    ]);
    commit(project, 'two paths');
    expect(plan().dataset.files).toBe(2);
    expect(json('retrain', 'churn').verdict.metrics.auc.candidate).toBeGreaterThan(0.93);
  });
});
