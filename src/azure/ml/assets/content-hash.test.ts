import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { contentHash } from './content-hash.ts';
import { filesToSend } from './local-files.ts';

function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'edgeloop-content-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

describe('what is uploaded', () => {
  it("has the hash that Azure ML's own tools give it", async () => {
    const folder = folderOf({
      'train.py': 'print(1)\n',
      'Sub/B.txt': 'b',
      'Sub/a.txt': 'a',
      'sub2/empty': '',
      'Zeta.md': 'x\r\n',
      'sub2/é ü.txt': 'é',
    });
    const files = await filesToSend(folder);
    expect(files.map(({ path }) => path)).toEqual([
      'Sub/B.txt',
      'Sub/a.txt',
      'Zeta.md',
      'sub2/empty',
      'sub2/é ü.txt',
      'train.py',
    ]);
    // azure-ai-ml's get_content_hash (version 202208) of this very folder.
    expect(await contentHash(files)).toBe('a3477a7d774faf15993c36ff9523e7b66ce71246d491e6fab8c7a6c7453cb463');
  });

  it('is no link, wherever it leads', async () => {
    const folder = folderOf({ 'train.py': 'print(1)\n' });
    symlinkSync('train.py', join(folder, 'same.py'));
    await expect(filesToSend(folder)).rejects.toMatchObject({ code: 'upload-not-a-file' });
  });

  it('is something', async () => {
    await expect(filesToSend(folderOf({}))).rejects.toMatchObject({ code: 'upload-empty' });
  });
});
