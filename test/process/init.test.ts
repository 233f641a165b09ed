import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { commit, git, PROGRAM } from '../fixtures/churn-project.ts';
import { edit, expectError } from '../fixtures/expect-error.ts';
import { emptyRepository } from '../fixtures/init-repository.ts';
import { json } from '../fixtures/json-answer.ts';
import { read, write } from '../fixtures/project-files.ts';

const ROOT = join(import.meta.dirname, '../..');
const SCHEMA_ADDRESS = 'https://raw.githubusercontent.com/edgeloop/edgeloop/v0/schema/';
const WORKFLOWS = ['release', 'retrain', 'rollout'].map((name) => `.github/workflows/${name}.yml`);
const SCAFFOLD = ['.github/zizmor.yml', ...WORKFLOWS, '.gitignore', 'agent.yaml', 'edgeloop.yaml'].toSorted();
const FOLDER = 'oci:.edgeloop/registry';

/** All files but git's own, with their bytes. */
function files(repository: string): Record<string, string> {
  const found = readdirSync(repository, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(repository.length + 1))
    .filter((path) => !path.startsWith('.git/'));
  return Object.fromEntries(found.toSorted().map((path) => [path, read(repository, path)]));
}

const names = (repository: string) => Object.keys(files(repository));

const init = (repository: string, ...args: string[]) => json(repository, 0, 'init', ...args);

describe('init', () => {
  it('writes what a repository needs, and says what is written and what is left to do', () => {
    const repository = emptyRepository();
    const said = init(repository);
    expect(Object.keys(said)).toEqual(['files', 'kept', 'byHand']);
    expect([said.files.toSorted(), said.kept]).toEqual([SCAFFOLD, []]);
    expect(names(repository)).toEqual(SCAFFOLD);
    const todo = said.byHand.join('\n');
    for (const words of ['"production"', 'edgeloop:$NAME', 'Secrets: none', 'actions/checkout', FOLDER])
      expect(todo).toContain(words);
    expect(git(repository, 'status', '--porcelain').split('\n')).toContain('?? edgeloop.yaml');
  });

  it('writes an edgeloop.yaml that plan takes: what is missing is the data alone', () => {
    const repository = emptyRepository();
    init(repository);
    commit(repository, 'init');
    expectError(repository, ['plan'], {
      exit: 1,
      code: 'dataset-missing',
      says: ['data/train', 'put the data there'],
    });
    expect(Object.keys(parse(read(repository, 'edgeloop.yaml')).models)).toEqual(['wine-quality']);
    expect(parse(read(repository, 'agent.yaml')).models).toEqual({ 'wine-quality': { accept: '^1.0.0' } });
    write(repository, '.edgeloop/anything', '');
    expect(git(repository, 'status', '--porcelain')).toBe('');
  });

  it.each([[], ['--example', 'churn']])(
    'lets editors find the JSON Schema of each file, which it keeps to: init %s %s',
    (...args) => {
      const repository = emptyRepository({ origin: 'git@github.com:acme/wine.git' });
      init(repository, ...args);
      for (const name of ['edgeloop', 'agent']) {
        const text = read(repository, `${name}.yaml`);
        const [line] = text.split('\n');
        const [, path = ''] = /^# yaml-language-server: \$schema=(.*)$/.exec(line ?? '') ?? [];
        expect(path).toBe(`${SCHEMA_ADDRESS}${name}.schema.json`);
        const schema = JSON.parse(read(ROOT, `schema/${name}.schema.json`));
        const validate = new Ajv2020({ allowUnionTypes: true }).compile(schema);
        expect({ valid: validate(parse(text)), errors: validate.errors }).toEqual({
          valid: true,
          errors: null,
        });
      }
    },
  );

  it('--example churn writes a project that is planned, trained and released at once', () => {
    const repository = emptyRepository();
    const { kept } = init(repository, '--example', 'churn');
    expect(kept).toEqual([]);
    const tracked = git(join(ROOT, 'examples/churn'), 'ls-files').split('\n');
    expect(names(repository)).toEqual(tracked.toSorted());
    commit(repository, 'init');
    expect(json(repository, 0, 'plan').models).toMatchObject([{ model: 'churn', decision: 'train' }]);
    expect(json(repository, 0, 'retrain', 'churn').verdict.outcome).toBe('first');
    expect(json(repository, 0, 'release', 'churn').version).toBe('1.0.0');
    expect(git(repository, 'status', '--porcelain')).toBe('');
  });

  it('never overwrites: a second run keeps all, and so does one after the files were changed', () => {
    const repository = emptyRepository();
    init(repository);
    for (const path of SCAFFOLD) write(repository, path, `${read(repository, path)}# ours\n`);
    const before = files(repository);
    const said = init(repository);
    expect([said.files, said.kept.toSorted()]).toEqual([[], SCAFFOLD]);
    expect(files(repository)).toEqual(before);
    const more = init(repository, '--example', 'churn');
    expect(more.kept.toSorted()).toEqual(SCAFFOLD);
    expect(files(repository)).toMatchObject(before);
  });

  it('names the files of an edgeloop.yaml that is there already', () => {
    const repository = emptyRepository({ origin: 'https://github.com/acme/wine.git' });
    init(repository, '--example', 'churn');
    edit(
      repository,
      'edgeloop.yaml',
      [/^registry: .*$/m, 'registry: localhost:5000/wine'],
      ['  churn:', '  "null":'],
      ['[production]', '[stable, canary]'],
    );
    const project = read(repository, 'edgeloop.yaml');
    const other = emptyRepository({ origin: 'https://github.com/acme/wine.git' });
    write(other, 'edgeloop.yaml', project);
    const said = init(other);
    expect(said.kept).toEqual(['edgeloop.yaml']);
    expect(parse(read(other, 'agent.yaml'))).toMatchObject({
      registry: 'localhost:5000/wine',
      channel: 'stable',
      models: { null: { accept: '^1.0.0' } },
    });
    const rollout = parse(read(other, '.github/workflows/rollout.yml'));
    for (const event of ['workflow_call', 'workflow_dispatch'])
      expect(rollout.on[event].inputs.channel.default).toBe('stable');
    expect(said.byHand.join('\n')).toContain('"stable"');
  });

  it('tells of a .gitignore and of a policy that are there what to add, and leaves them', () => {
    const repository = emptyRepository();
    write(repository, '.gitignore', 'node_modules/\n');
    write(repository, 'zizmor.yml', 'rules: {}\n');
    const said = init(repository);
    expect(said.kept).toEqual(['.gitignore']);
    expect(said.byHand.filter((line: string) => /^(\.gitignore|zizmor\.yml): /.test(line))).toHaveLength(2);
    expect(read(repository, '.gitignore')).toBe('node_modules/\n');
    expect(existsSync(join(repository, '.github/zizmor.yml'))).toBe(false);
    write(repository, '.gitignore', '/.edgeloop\n');
    expect(init(repository).byHand.join('\n')).not.toContain('.gitignore');
  });
});

describe('what init takes from git', () => {
  it.each([
    ['https://github.com/Acme/Wine.Quality.git', 'ghcr.io/acme/wine.quality'],
    ['https://x-access-token:secret@github.com/acme/wine', 'ghcr.io/acme/wine'],
    ['git@github.com:acme/wine.git', 'ghcr.io/acme/wine'],
    ['ssh://git@ssh.github.com:443/acme/wine.git', 'ghcr.io/acme/wine'],
    ['https://github.example.com/acme/wine.git', FOLDER],
    ['git@github.example.com:acme/wine.git', FOLDER],
    ['https://github.com/acme/-wine-.git', FOLDER],
    ['../github.com.git', FOLDER],
    [undefined, FOLDER],
  ])('origin %s: registry %s', (origin, registry) => {
    const repository = emptyRepository(origin === undefined ? {} : { origin });
    const said = init(repository);
    for (const file of ['edgeloop.yaml', 'agent.yaml'])
      expect(parse(read(repository, file)).registry).toBe(registry);
    expect(said.byHand.some((line: string) => line.includes(FOLDER))).toBe(registry === FOLDER);
    expect(JSON.stringify([said, files(repository)])).not.toContain('secret');
  });

  it.each([
    ['main', 'main'],
    ['trunk', 'trunk'],
    ['release/1.0', 'release/1.0'],
  ])('branch %s: releases from %s', (branch, expected) => {
    const repository = emptyRepository({ branch });
    init(repository);
    const { on, jobs } = parse(read(repository, '.github/workflows/release.yml'));
    expect(on.push.branches).toEqual([expected]);
    expect(jobs.plan.if).toBe(`github.ref == 'refs/heads/${expected}'`);
    for (const job of ['plan', 'release']) expect(jobs[job].steps[0].with.ref).toBe(`refs/heads/${expected}`);
  });

  it("releases from origin's default branch, also when another one is checked out", () => {
    const origin = emptyRepository({ branch: 'stable' });
    git(origin, 'commit', '--quiet', '--allow-empty', '--message', 'first');
    const clone = join(emptyRepository(), 'clone');
    git(origin, 'clone', '--quiet', origin, clone);
    git(clone, 'checkout', '--quiet', '-b', 'main');
    init(clone);
    expect(parse(read(clone, '.github/workflows/release.yml')).on.push.branches).toEqual(['stable']);
  });

  it('puts no branch name into a workflow that would mean something else there', () => {
    const branch = `it's-\${{github.token}}]`;
    const repository = emptyRepository({ branch });
    const { byHand } = init(repository);
    expect(parse(read(repository, '.github/workflows/release.yml')).on.push.branches).toEqual(['main']);
    expect(byHand).toContainEqual(expect.stringContaining(JSON.stringify(branch)));
  });
});

describe('init refuses', () => {
  it('a folder in no git repository, and one that is not its top', () => {
    const outside = mkdtempSync(join(tmpdir(), 'edgeloop-init-'));
    expectError(outside, ['init'], { exit: 2, code: 'git-required', says: ['git init'] });
    const repository = emptyRepository({ name: "it's here" });
    const below = join(repository, 'models');
    mkdirSync(below);
    const { stderr } = expectError(below, ['init'], { exit: 2, code: 'not-at-the-top', says: ['cd '] });
    expect(stderr).toContain(String.raw`it'\''s here' && npx edgeloop init`);
    expect([names(outside), names(repository)]).toEqual([[], []]);
    expect(realpathSync(repository)).toBe(realpathSync(join(below, '..')));
  });

  it.each([
    ['a folder in the place of a file', (at: string) => mkdirSync(join(at, 'agent.yaml'))],
    ['a file in the place of a folder', (at: string) => writeFileSync(join(at, '.github'), '')],
    ['a link that leads nowhere', (at: string) => symlinkSync('nowhere', join(at, 'agent.yaml'))],
    [
      'a folder that is a link to elsewhere',
      (at: string) => symlinkSync(mkdtempSync(join(tmpdir(), 'edgeloop-elsewhere-')), join(at, '.github')),
    ],
  ])('%s, and writes nothing', (_, spoil) => {
    const repository = emptyRepository();
    spoil(repository);
    const before = readdirSync(repository);
    expectError(repository, ['init'], { exit: 1, code: 'not-writable', says: [repository, 'init again'] });
    expect(readdirSync(repository)).toEqual(before);
    expect(names(repository).filter((path) => path !== '.github')).toEqual([]);
  });

  it('a folder that it may not write to, and takes back what it has written', () => {
    const repository = emptyRepository();
    mkdirSync(join(repository, '.github'), { mode: 0o555 });
    const before = readdirSync(repository);
    const { status, stderr } = obeyingModes(repository, 'init');
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('.github/zizmor.yml') });
    expect(stderr).toMatch(/^error\[not-writable\]: cannot write /);
    expect(readdirSync(repository)).toEqual(before);
    expect(names(repository)).toEqual([]);
  });

  it('an edgeloop.yaml that is wrong, with its own error, and another example', () => {
    const repository = emptyRepository();
    write(repository, 'edgeloop.yaml', 'registry: 7\n');
    expectError(repository, ['init'], { exit: 2, code: 'config-invalid', says: ['edgeloop.yaml:1:11'] });
    expect(names(repository)).toEqual(['edgeloop.yaml']);
    expectError(repository, ['init', '--example', 'iris'], { exit: 2, code: 'usage', says: ['churn'] });
  });
});

/** Runs edgeloop so that the modes of files count, for root too. */
function obeyingModes(cwd: string, ...args: string[]) {
  const asRoot = ['setpriv', '--bounding-set', '-dac_override'];
  const words = [...(process.getuid?.() === 0 ? asRoot : []), process.execPath, PROGRAM, ...args];
  return spawnSync(words[0] ?? '', words.slice(1), { cwd, encoding: 'utf8' });
}
