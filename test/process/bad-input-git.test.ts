import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { churnProject, edgeloop, git } from '../fixtures/churn-project.ts';
import { edit, expectError, leftIn } from '../fixtures/expect-error.ts';

let project: string;
beforeEach(() => {
  project = churnProject();
});

const retrain = ['retrain', 'churn'];
const release = ['release', 'churn'];
const rollout = ['rollout', 'churn@1.0.0', '--channel', 'production'];
const rollback = ['rollback', 'churn', '--channel', 'production'];

function succeed(folder: string, args: string[]) {
  const { code, stdout, stderr } = edgeloop(folder, ...args, '--json');
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

describe('without a git repository', () => {
  it('retrain works and records no commit; release, rollout and rollback say why they cannot', () => {
    rmSync(join(project, '.git'), { recursive: true });
    const { candidate } = succeed(project, retrain);
    const card = JSON.parse(readFileSync(join(candidate.path, 'edgeloop.json'), 'utf8'));
    expect(card.training.commit).toBeNull();
    for (const verb of [release, rollout, rollback]) {
      expectError(project, verb, {
        exit: 2,
        code: 'git-required',
        says: [
          `${project} is not in a git repository, and ${verb[0]} keeps versions as git tags`,
          'git init',
        ],
      });
    }
    expect(succeed(project, ['plan']).models[0].decision).toBe('reuse');
    expect(succeed(project, ['status']).models).toMatchObject([{ model: 'churn', champion: null }]);
  });
});

describe('a git repository', () => {
  it('without a commit trains and releases nothing', () => {
    rmSync(join(project, '.git'), { recursive: true });
    git(project, 'init', '--quiet');
    for (const verb of [retrain, release]) {
      expectError(project, verb, {
        exit: 2,
        code: 'git-no-commit',
        says: [`${project} has no commit yet`, 'git add -A && git commit'],
      });
    }
    expectError(project, rollout, { exit: 2, code: 'release-unknown', says: ['churn has no release 1.0.0'] });
    expect(leftIn(project)).toEqual([]);
  });

  it('that git cannot use is not taken for none', () => {
    const head = readFileSync(join(project, '.git/HEAD'));
    writeFileSync(join(project, '.git/HEAD'), 'garbage');
    for (const verb of [['plan'], retrain, release]) {
      expectError(project, verb, {
        exit: 2,
        code: 'git-unusable',
        says: [`git cannot use ${project}/.git: fatal: `, `git -C ${project} status`],
      });
    }
    writeFileSync(join(project, '.git/HEAD'), head);
    expect(leftIn(project)).toEqual([]);
  });

  it('with a detached HEAD works', () => {
    git(project, 'checkout', '--quiet', '--detach');
    const head = git(project, 'rev-parse', 'HEAD');
    succeed(project, retrain);
    expect(succeed(project, release)).toMatchObject({ version: '1.0.0' });
    expect(succeed(project, rollout)).toMatchObject({ version: '1.0.0', sequence: 1 });
    expect(git(project, 'rev-parse', 'churn@v1.0.0^{}^', 'HEAD')).toBe(`${head}\n${head}`);
  });

  it('that is a shallow clone works, and its tags go to origin', () => {
    const clone = join(mkdtempSync(join(tmpdir(), 'edgeloop-clone-')), 'churn');
    git(project, 'clone', '--quiet', '--depth=1', `file://${project}`, clone);
    succeed(clone, retrain);
    expect(succeed(clone, release)).toMatchObject({ version: '1.0.0' });
    expect(succeed(clone, rollout)).toMatchObject({ sequence: 1 });
    expect(git(project, 'tag')).toBe('churn#production#1\nchurn@v1.0.0');
  });

  it('with an origin that is gone releases nothing', () => {
    git(project, 'remote', 'add', 'origin', `file://${project}-gone`);
    succeed(project, retrain);
    for (const verb of [release, rollout]) {
      expectError(project, verb, {
        exit: 1,
        code: 'git-failed',
        says: [`${project}-gone' does not appear to be a git repository`, 'Run it by hand: git ls-remote'],
      });
    }
    expect(git(project, 'tag')).toBe('');
  });

  it('with uncommitted changes is refused, and they are named', () => {
    for (const name of 'abcdefg') writeFileSync(join(project, `data/train/${name}.csv`), 'x\n');
    edit(project, 'edgeloop.yaml', ['trees: 120', 'trees: 130']);
    for (const verb of [retrain, release]) {
      expectError(project, verb, {
        exit: 2,
        code: 'uncommitted-changes',
        says: [
          /: edgeloop\.yaml, data\/train\/a\.csv, .* and 3 more differ from the commit [0-9a-f]{12}\n/,
          'git add -A && git commit',
        ],
      });
    }
    expect(leftIn(project)).toEqual([]);
  });
});
