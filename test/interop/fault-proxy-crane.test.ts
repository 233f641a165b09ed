// Without a fault the proxy changes nothing: crane pushes and pulls through it.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openLayoutRepository } from '../../src/oci/index.ts';
import { startFaultProxy } from '../fakes/fault-proxy.ts';
import { pushRawModel, scratchFolder } from '../fixtures/oci-layout.ts';
import { available, type RegistryKind, type RegistryOptions, startRegistry } from '../fixtures/registries.ts';
import { BLOB, BLOB_DIGEST, BLOB_PATH } from '../fixtures/registry-blob.ts';
import { findTool } from '../tooling/find.ts';

const run = promisify(execFile);
const CRANE = findTool('crane');

const registries: [name: string, kind: RegistryKind, options: RegistryOptions][] = [
  ['docker-registry with absolute locations', 'docker-registry', {}],
  ['docker-registry with relative locations', 'docker-registry', { relativeUrls: true }],
  ['distribution', 'distribution', {}],
  ['ociregistry', 'ociregistry', {}],
];
for (const [name, kind, options] of registries) {
  describe.skipIf(CRANE === undefined || !available(kind))(`crane through the proxy to ${name}`, () => {
    it('pushes and pulls byte for byte, and never past the proxy', async () => {
      await using scratch = await scratchFolder();
      await using registry = await startRegistry(kind, options);
      await using proxy = await startFaultProxy(registry.url);
      const layout = join(scratch.path, 'layout');
      const manifest = await pushRawModel(openLayoutRepository(layout), [BLOB, Buffer.from('small')]);
      await crane('push', layout, `${proxy.host}/churn:1.0.0`);
      // No upload went to an absolute Location of the registry itself.
      expect(proxy.bytes({ path: /\/blobs\/uploads\// }).request).toBe(BLOB.length + 'small'.length + 2);
      const direct = await fetch(`${registry.url}${BLOB_PATH}`);
      expect(BLOB.equals(Buffer.from(await direct.arrayBuffer()))).toBe(true);

      await crane('validate', '--fast', '--remote', `${proxy.host}/churn:1.0.0`);
      const pulled = join(scratch.path, 'pulled');
      await crane('pull', '--format', 'oci', `${proxy.host}/churn@${manifest}`, pulled);
      for (const digest of [manifest, BLOB_DIGEST]) {
        const blob = join('blobs/sha256', digest.slice('sha256:'.length));
        expect((await readFile(join(pulled, blob))).equals(await readFile(join(layout, blob)))).toBe(true);
      }
      expect(proxy.bytes({ method: 'GET', path: new RegExp(BLOB_DIGEST) }).answer).toBe(BLOB.length);
      expect(proxy.requests.flatMap((seen) => seen.faults)).toEqual([]);
    });
  });
}

async function crane(...args: string[]): Promise<void> {
  await run(CRANE ?? 'crane', args);
}
