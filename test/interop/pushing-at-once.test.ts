// Two that push the same model at the same time: both end well, and what the registry holds is whole.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openRegistry, pushModel } from '../../src/oci/index.ts';
import {
  expectWhole,
  modelToPush,
  type ModelToPush,
  ratioOf,
  UPLOADS,
  WEIGHTS,
} from '../fixtures/pushed-model.ts';
import { pushingProcess } from '../fixtures/pushing-process.ts';
import { available, type RegistryKind } from '../fixtures/registries.ts';

const KINDS: RegistryKind[] = ['docker-registry', 'distribution', 'ociregistry'];
const SLOWLY = { fault: 'slow', of: 'request', bytesPerSecond: 12 * 1024 * 1024 } as const;

for (const kind of KINDS) {
  describe.skipIf(!available(kind))(`the same model for ${kind}`, () => {
    it.each([
      ['at once', 0],
      ['one after the other', WEIGHTS / 4],
    ])('is pushed by two processes that start %s', async (_, head) => {
      const started = await modelToPush(kind);
      const { proxy, folder, uploads, packed } = started;
      proxy.fault(SLOWLY, { times: Infinity });
      const pushProcess = () => pushingProcess(`${proxy.host}/models`, folder, uploads);
      const first = pushProcess();
      await untilSent(started, head);
      await Promise.all([first.output(), pushProcess().output()]);
      await expectWhole(started);
      // Neither takes the session of the other for its own, and neither has to begin again.
      expect(proxy.requests.filter(isQuestion)).toEqual([]);
      expect(ratioOf(started)).toBeLessThanOrEqual(2);
      const pushed = await openRegistry(`${proxy.host}/models`).repository('churn').resolve('1.0.0-model');
      expect(pushed?.digest).toBe(packed.descriptor.digest);
      expect(await readdir(uploads)).toEqual([]);
    });

    // A process of another container cannot be seen: then only what the registry answers tells.
    it('is pushed by two in the same session', async () => {
      const started = await modelToPush(kind);
      const { proxy, packed, uploads } = started;
      proxy.fault(SLOWLY, { method: 'PATCH', times: Infinity });
      const push = () =>
        pushModel(openRegistry(`${proxy.host}/models`, { uploads }).repository('churn'), packed);
      const first = push();
      await untilSent(started, WEIGHTS / 4);
      await disown(uploads);
      await Promise.all([first, push()]);
      await expectWhole(started);
      expect(proxy.requests.filter(isQuestion)).not.toEqual([]);
    });
  });
}

/** Asking how far a session has got. */
function isQuestion({ method, path }: { method: string; path: string }): boolean {
  return method === 'GET' && UPLOADS.path.test(path);
}

async function untilSent({ proxy }: ModelToPush, bytes: number): Promise<void> {
  const sent = (): number => proxy.bytes(UPLOADS).request;
  await expect.poll(sent, { interval: 5, timeout: 30_000 }).toBeGreaterThanOrEqual(bytes);
}

/** Makes what is remembered look as if no process that can be seen here used it. */
async function disown(uploads: string): Promise<void> {
  const [name = ''] = await readdir(uploads);
  const file = join(uploads, name);
  const record = await readFile(file, 'utf8');
  expect(record).toMatch(/"owner":"/);
  await writeFile(file, record.replace(/"owner":"[^"]*"/, '"owner":"1-1-aaaaaaaaaaaa-bbbbbbbbbbbb"'));
}
