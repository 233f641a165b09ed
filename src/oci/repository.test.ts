import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { repositoryContract } from '../../test/fixtures/repository-contract.ts';
import { openLayoutRegistry } from './layout/layout.ts';
import type { Registry } from './repository.ts';

describe('a repository in a folder', () => {
  let folder: string;
  let registry: Registry;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-contract-'));
    registry = openLayoutRegistry(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  repositoryContract(() => registry);
});
