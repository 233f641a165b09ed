import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  anchorsOf,
  codeSpans,
  markdownFiles,
  readDocument,
  relativeLinks,
  ROOT,
} from '../fixtures/documents.ts';

/** What is wrong with the links of a page that lies at `path` in this repository. */
function brokenLinks(path: string, markdown: string): string[] {
  return relativeLinks(markdown).flatMap((link) => {
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : join(dirname(path), decodeURIComponent(file));
    if (!existsSync(join(ROOT, target))) return [`${path}: ${link} is not there`];
    if (anchor === undefined) return [];
    const page = target === path ? markdown : readDocument(target);
    return anchorsOf(page).includes(anchor) ? [] : [`${path}: ${link} has no such heading`];
  });
}

describe('the Markdown files', () => {
  it('have links that lead somewhere', () => {
    const files = markdownFiles();
    expect(files.length).toBeGreaterThan(5);
    expect(files.flatMap((path) => brokenLinks(path, readDocument(path)))).toEqual([]);
  });

  it('would be found out', () => {
    const page =
      '# One\n\n## A `b`, c\n\n[x](docs/gon.md) [y](#a-b-c) [z](#a-b-d) [w](docs/gate.md#what-is-asked)\n';
    expect(brokenLinks('README.md', page)).toEqual([
      'README.md: docs/gon.md is not there',
      'README.md: #a-b-d has no such heading',
    ]);
  });

  it('name files and folders that are there', () => {
    const named = ['docs/security.md', 'docs/architecture.md', 'CONTRIBUTING.md'].flatMap((path) =>
      codeSpans(readDocument(path))
        .filter((code) => /^(src|edge-agent|test|tools|examples|schema|bench)\/[\w./-]*\w\/?$/.test(code))
        .map((code) => ({ path, code })),
    );
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter(({ code }) => !existsSync(join(ROOT, code)))).toEqual([]);
    expect(statSync(join(ROOT, 'docs/loop.svg')).size).toBeLessThan(10_000);
  });
});
