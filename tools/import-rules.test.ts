import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkImports } from './import-rules.ts';

function tree(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'edgeloop-imports-'));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return root;
}

describe('checkImports', () => {
  it('finds nothing in this project', () => {
    expect(checkImports(resolve(import.meta.dirname, '..'))).toEqual([]);
  });

  it.each([
    ['an entry', 'src/oci/a.ts', "import '../cli/main.ts';", 'nothing imports an entry'],
    [
      '@actions/*',
      'src/oci/a.ts',
      "import * as core from '@actions/core';",
      'only src/actions knows @actions/*',
    ],
    [
      'an adapter',
      'src/versioning/a.ts',
      "import type { A } from '../git/index.ts';",
      'a domain knows no adapter',
    ],
    ['the loop', 'src/oci/a.ts', "import '../loop/plan.ts';", 'a domain knows no loop'],
    ['insides', 'src/oci/a.ts', "export { b } from '../trust/verify.ts';", 'index.ts'],
    ['insides, computed', 'src/oci/a.ts', "await import('../trust/verify.ts');", 'index.ts'],
    ['insides, from the agent', 'edge-agent/slots/a.ts', "import '../../src/onnx/session.ts';", 'index.ts'],
    ['ONNX Runtime', 'edge-agent/gateway/a.ts', "import 'onnxruntime-node';", 'only src/onnx'],
    ['an adapter, from an entry', 'src/cli/a.ts', "import '../git/index.ts';", 'chosen in loop'],
  ])('refuses %s', (_, file, text, rule) => {
    const [violation, ...others] = checkImports(tree({ [file]: `\n${text}` }));
    expect(violation).toMatchObject({ file, line: 2, rule: expect.stringContaining(rule) });
    expect(others).toEqual([]);
  });

  it('allows what the house allows', () => {
    const root = tree({
      'src/oci/a.ts': "import '../errors.ts'; import './b.ts'; import '../trust/index.ts';",
      'src/git/a.ts': "import type { A } from '../versioning/index.ts';",
      'src/loop/a.ts': "import '../git/index.ts'; import '../oci/index.ts';",
      'src/cli/a.ts': "import '../loop/plan.ts'; import '../../edge-agent/agent.ts';",
    });
    expect(checkImports(root)).toEqual([]);
  });

  it('refuses a circle of domains', () => {
    const root = tree({
      'src/oci/a.ts': "import '../trust/index.ts';",
      'src/trust/index.ts': "import '../onnx/index.ts';",
      'src/onnx/index.ts': "import '../oci/index.ts';",
    });
    expect(checkImports(root).map(({ specifier }) => specifier)).toContain('oci -> trust -> onnx -> oci');
  });
});
