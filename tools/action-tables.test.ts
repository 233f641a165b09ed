import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stalePages } from './action-tables.ts';

const ROOT = resolve(import.meta.dirname, '..');

describe('stalePages', () => {
  it('finds nothing in this project', () => {
    expect(stalePages(ROOT)).toEqual([]);
  });

  it('names a page whose action.yml says something else', () => {
    const copy = mkdtempSync(join(tmpdir(), 'edgeloop-actions-'));
    cpSync(join(ROOT, 'actions'), join(copy, 'actions'), { recursive: true });
    const action = join(copy, 'actions/plan/action.yml');
    writeFileSync(action, readFileSync(action, 'utf8').replace('  matrix:', '  table:'));
    expect(stalePages(copy)).toEqual(['actions/plan/README.md']);
  });
});
