import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';

let [origin, checkout] = ['', ''];

const git = (cwd: string, ...args: string[]) => execFileSync('git', args, { cwd, encoding: 'utf8' }).trim();
const AS_ADA = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];

/** A checkout of main that says this version, with a build. */
function prepare(version: string): void {
  writeFileSync(join(checkout, 'package.json'), JSON.stringify({ version }));
  writeFileSync(join(checkout, '.gitignore'), 'dist/\n');
  git(checkout, 'add', '--all');
  git(checkout, ...AS_ADA, 'commit', '--quiet', '--message', version);
  git(checkout, 'push', '--quiet', 'origin', 'main');
  mkdirSync(join(checkout, 'dist'), { recursive: true });
  writeFileSync(join(checkout, 'dist/edgeloop.js'), `// ${version}\n`);
}

function publish(version: string) {
  return spawnSync(process.execPath, [join(import.meta.dirname, 'publish-version.ts')], {
    cwd: checkout,
    env: { PATH: process.env['PATH'], VERSION: version },
    encoding: 'utf8',
  });
}

const refs = () => git(origin, 'for-each-ref', '--format=%(refname:short)').split('\n');

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'edgeloop-publish-'));
  [origin, checkout] = [join(folder, 'origin'), join(folder, 'checkout')];
  git(folder, 'init', '--quiet', '--bare', '--initial-branch=main', origin);
  git(folder, 'init', '--quiet', '--initial-branch=main', checkout);
  git(checkout, 'remote', 'add', 'origin', origin);
  prepare('0.2.0');
});

it('pushes a commit with dist/ as a tag, on no branch, and moves the tag of the major version there', () => {
  const main = git(origin, 'rev-parse', 'main');
  expect(publish('0.2.0')).toMatchObject({ status: 0, stderr: '' });
  expect(refs()).toEqual(['main', 'v0', 'v0.2.0']);
  expect(git(origin, 'show', 'v0.2.0:dist/edgeloop.js')).toBe('// 0.2.0');
  expect(git(origin, 'rev-parse', 'v0', 'v0.2.0^')).toBe(`${git(origin, 'rev-parse', 'v0.2.0^{}')}\n${main}`);
  expect(git(origin, 'branch', '--contains', 'v0')).toBe('');

  git(checkout, 'checkout', '--quiet', 'main');
  prepare('0.3.0');
  expect(publish('0.3.0').status).toBe(0);
  expect(git(origin, 'show', 'v0:dist/edgeloop.js')).toBe('// 0.3.0');
  expect(git(origin, 'show', 'v0.2.0:dist/edgeloop.js')).toBe('// 0.2.0');
});

it.each([
  ['another version than that of package.json', '0.2.1', () => undefined, 'package.json says "0.2.0"'],
  ['no version', '', () => undefined, 'VERSION is ""'],
  ['a version that is published', '0.2.0', () => void publish('0.2.0'), 'v0.2.0 is published already'],
  [
    'what is not committed',
    '0.2.0',
    () => writeFileSync(join(checkout, 'package.json'), '{"version":"0.2.0" }'),
    'not committed',
  ],
])('refuses %s, and pushes nothing', (_, version, spoil, says) => {
  spoil();
  const before = git(origin, 'for-each-ref');
  const { status, stderr } = publish(version);
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(says) });
  expect(git(origin, 'for-each-ref')).toBe(before);
});
