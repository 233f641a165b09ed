import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { peakMemory } from './peak-memory.ts';

it('is at least what the process holds now, where the system tells', async () => {
  const before = process.memoryUsage.rss();
  const peak = await peakMemory(process.pid);
  expect(peak !== undefined).toBe(existsSync('/proc/self/status'));
  expect(peak ?? before).toBeGreaterThanOrEqual(before);
  expect(peak ?? before).toBeLessThan(64 * 1024 ** 3);
});

it('is nothing for a process that is gone', async () => {
  expect(await peakMemory(2 ** 22 + 1)).toBeUndefined();
});
