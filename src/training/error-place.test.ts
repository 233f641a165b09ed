import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findTool } from '../../test/tooling/find.ts';
import type { Place } from '../errors.ts';
import { findErrorPlace } from './error-place.ts';

const NAN = `ValueError: could not convert string to float: 'abc'`;
const FIT_PY = `def fit(value):\n    return float(value)\n`;
const FIT_TS = `export function fit(text: string): never {\n  throw new TypeError('no ' + text);\n}\n`;
const CALL_TS = `import { fit } from './fit.ts';\n`;

/** Program, its files (the first one is run), and where the error is. */
type Row = [string, string, Record<string, string>, string, Omit<Place, 'file'>];

const PYTHON: Row[] = [
  ['an exception', 'python3', { 'a.py': `\nfloat('abc')\n` }, 'a.py', { line: 2, message: NAN }],
  [
    'an exception in a module that it imports',
    'python3',
    { 'a.py': `from lib.fit import fit\nfit('abc')\n`, 'lib/fit.py': FIT_PY },
    'lib/fit.py',
    { line: 2, message: NAN },
  ],
  [
    'an exception in a library',
    'python3',
    { 'a.py': `import json\n\njson.loads('{')\n` },
    'a.py',
    {
      line: 3,
      message:
        'json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)',
    },
  ],
  [
    'an installed package beside the code',
    'python3',
    {
      'a.py': `import sys\nsys.path.append('site-packages')\nfrom fit import fit\nfit('abc')\n`,
      'site-packages/fit.py': FIT_PY,
    },
    'a.py',
    { line: 4, message: NAN },
  ],
  [
    'an exception with a cause',
    'python3',
    {
      'a.py': `from fit import fit\ntry:\n    fit('abc')\nexcept ValueError as e:\n    raise RuntimeError('no fit') from e\n`,
      'fit.py': FIT_PY,
    },
    'a.py',
    { line: 5, message: 'RuntimeError: no fit' },
  ],
  [
    'a syntax error',
    'python3',
    { 'a.py': 'x = 1\ndef f(:\n' },
    'a.py',
    { line: 2, message: 'SyntaxError: invalid syntax' },
  ],
  [
    'a syntax error in a module that it imports',
    'python3',
    { 'a.py': 'import b\n', 'b.py': 'x = 1\ndef f(:\n' },
    'b.py',
    { line: 2, message: 'SyntaxError: invalid syntax' },
  ],
  [
    'an exception without a text',
    'python3',
    { 'a.py': 'class Bad(Exception): pass\nraise Bad()\n' },
    'a.py',
    { line: 2, message: 'Bad' },
  ],
  [
    'an exception in a process of its pool',
    'python3',
    {
      'a.py': `import multiprocessing as m\nfrom fit import fit\nif __name__ == '__main__':\n    with m.Pool(1) as p:\n        p.map(fit, ['abc'])\n`,
      'fit.py': FIT_PY,
    },
    'a.py',
    { line: 5, message: NAN },
  ],
];

const GROUP: Row = [
  'a group of exceptions',
  'python3',
  {
    'a.py': `from fit import fit\nerrors = []\ntry: fit('abc')\nexcept ValueError as e: errors.append(e)\nraise ExceptionGroup('two', errors)\n`,
    'fit.py': FIT_PY,
  },
  'fit.py',
  { line: 2, message: NAN },
];

const NODE: Row[] = [
  [
    'an exception in a module that it imports',
    'node',
    { 'a.ts': `${CALL_TS}fit('fit');\n`, 'fit.ts': FIT_TS },
    'fit.ts',
    { line: 2, column: 9, message: 'TypeError: no fit' },
  ],
  [
    'an exception with a cause',
    'node',
    {
      'a.ts': `${CALL_TS}try { fit('x'); } catch (cause) {\n  throw new Error('no fit', { cause });\n}\n`,
      'fit.ts': FIT_TS,
    },
    'a.ts',
    { line: 3, column: 9, message: 'Error: no fit' },
  ],
  [
    'an exception with more properties than a text',
    'node',
    { 'a.cjs': `throw Object.assign(new RangeError('two\\nlines'), { code: 'X' });\n` },
    'a.cjs',
    { line: 1, column: 21, message: 'RangeError: two' },
  ],
  [
    'an exception that Node throws',
    'node',
    { 'a.mjs': `import { readFileSync } from 'node:fs';\nreadFileSync('gone');\n` },
    'a.mjs',
    { line: 2, column: 1, message: `Error: ENOENT: no such file or directory, open 'gone'` },
  ],
  [
    'an exception in a package',
    'node',
    {
      'a.mjs': `import { fit } from 'fit';\nfit();\n`,
      'node_modules/fit/package.json': '{"type":"module","exports":"./i.js"}',
      'node_modules/fit/i.js': `export const fit = () => { throw new Error('inside'); };\n`,
    },
    'a.mjs',
    { line: 2, column: 1, message: 'Error: inside' },
  ],
  [
    'a rejection that nobody handles',
    'node',
    { 'a.mjs': `async function late() {\n  throw new Error('late');\n}\nlate();\n` },
    'a.mjs',
    { line: 2, column: 9, message: 'Error: late' },
  ],
  [
    'a text that is thrown',
    'node',
    { 'a.cjs': `\nthrow 'only a text';\n` },
    'a.cjs',
    { line: 2, message: 'only a text' },
  ],
  [
    'a syntax error',
    'node',
    { 'a.cjs': 'let x;\nconst = 2;\n' },
    'a.cjs',
    { line: 2, message: `SyntaxError: Unexpected token '='` },
  ],
  [
    'a syntax error in a module that it imports',
    'node',
    { 'a.mjs': `import './b.mjs';\n`, 'b.mjs': 'let x;\nconst = 2;\n' },
    'b.mjs',
    { line: 2, message: `SyntaxError: Unexpected token '='` },
  ],
  [
    'a syntax error in TypeScript',
    'node',
    { 'a.ts': '\nenum A { b }\n' },
    'a.ts',
    {
      line: 2,
      message:
        'SyntaxError [ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX]: TypeScript enum is not supported in strip-only mode',
    },
  ],
  [
    'an import of what is not there',
    'node',
    { 'a.mjs': `import { fitt } from './b.mjs';\n`, 'b.mjs': 'export const fit = 1;\n' },
    'a.mjs',
    {
      line: 1,
      message: `SyntaxError: The requested module './b.mjs' does not provide an export named 'fitt'`,
    },
  ],
];

const PROJECT = '/home/ada/churn';
const files = new Set<string>();
const ranIn = (folder: string) => ({
  folders: [folder] as [string],
  project: PROJECT,
  isFile: (path: string) => files.has(path),
});

/** The lines that a program prints, both streams, and the folder where it ran. */
function linesOf(program: string, written: Record<string, string>, absolutely: boolean) {
  const folder = join(realpathSync(mkdtempSync(join(tmpdir(), 'edgeloop-trace-'))), 'my (project)');
  files.clear();
  for (const [name, text] of Object.entries(written)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
    files.add(join(PROJECT, name));
  }
  const [script = ''] = Object.keys(written);
  const command = program === 'node' ? process.execPath : program;
  const args = [absolutely ? join(folder, script) : script];
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', NODE_OPTIONS: '' };
  const { stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', env });
  return { folder, lines: `starting\n${stderr}${stdout}done, 3 of 4\n`.split('\n') };
}

const python = findTool('python3');
const hasGroups = spawnSync('python3', ['-c', 'ExceptionGroup']).status === 0;

describe.each([true, false])('the place of an error in a command with absolute paths: %s', (absolutely) => {
  it.each([...(python ? PYTHON : []), ...(hasGroups ? [GROUP] : []), ...NODE])(
    'finds %s of %s',
    (_, program, written, file, place) => {
      const { folder, lines } = linesOf(program, written, absolutely);
      expect(findErrorPlace(lines, ranIn(folder))).toEqual({ file: join(PROJECT, file), ...place });
    },
  );
});

describe('what a command prints to mislead', () => {
  const folder = '/home/ada/churn/.edgeloop/training/x/project';
  it.each([
    '  File "/etc/passwd", line 1, in fit',
    '  File "../../../../../../../etc/passwd", line 1, in fit',
    '  File "a/../../../../../../secret.py", line 1, in fit',
    '  File "", line 1',
    '  File ".", line 1',
    '  File "a.py", line 0',
    '  File "a.py", line 99999999999999999999',
    '  File "node_modules/b.py", line 1',
    '    at fit (file:///etc/passwd:1:1)',
    `    at fit (file://${folder}/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/secret.py:1:1)`,
    '    at fit (file://elsewhere/a.py:1:1)',
    '    at fit (file:///%2F:1:1)',
    '    at fit (node:fs:1:1)',
    '    at fit (/home/ada/churn/.edgeloop/registry/a.py:1:1)',
    '/etc/passwd:1\n^',
  ])('%j names nothing', (text) => {
    const lines = [...text.split('\n'), 'ValueError: no'];
    expect(findErrorPlace(lines, { ...ranIn(folder), isFile: () => true })).toBeUndefined();
  });

  it.each([
    ['a file that is not there', '  File "gone.py", line 1'],
    ['parentheses', `    at ${' ('.repeat(490)}:1:1`],
    ['spaces', `${' '.repeat(990)}File "`],
  ])('names nothing with %s', (_, line) => {
    files.clear();
    const lines = Array.from({ length: 500 }, () => line);
    expect(findErrorPlace(lines, ranIn(folder))).toBeUndefined();
  });
});
