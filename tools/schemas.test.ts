import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { staleSchemas } from './schemas.ts';

const ROOT = resolve(import.meta.dirname, '..');

describe('staleSchemas', () => {
  it('finds nothing in this project', () => {
    expect(staleSchemas(ROOT)).toEqual([]);
  });

  it('names a file that says something else, and one that is missing', () => {
    const copy = mkdtempSync(join(tmpdir(), 'edgeloop-schemas-'));
    cpSync(join(ROOT, 'schema'), join(copy, 'schema'), { recursive: true });
    const agent = join(copy, 'schema/agent.schema.json');
    writeFileSync(agent, readFileSync(agent, 'utf8').replace('"60s"', '"61s"'));
    rmSync(join(copy, 'schema/card.schema.json'));
    expect(staleSchemas(copy)).toEqual(['schema/agent.schema.json', 'schema/card.schema.json']);
  });
});
