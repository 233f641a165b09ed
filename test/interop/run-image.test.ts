// A released model image is an image that container engines run: on a base, with the model's files in their place.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openRegistry, type Registry } from '../../src/oci/index.ts';
import { DOCKER, OCI, type Dialect, pushBaseIndex, pushBaseManifest } from '../fixtures/base-image.ts';
import { churnProject, commit, edgeloopAsync, git } from '../fixtures/churn-project.ts';
import { edit } from '../fixtures/expect-error.ts';
import { foreignTar } from '../fixtures/oci-layout.ts';
import { PODMAN_AVAILABLE, startPodman } from '../fixtures/podman.ts';
import { available, type RegistryKind, startRegistry } from '../fixtures/registries.ts';
import { findTool } from '../tooling/find.ts';

const CRANE = findTool('crane');
const BUSYBOX = findTool('busybox');
const TOOLS_AVAILABLE = PODMAN_AVAILABLE && CRANE !== undefined && BUSYBOX !== undefined;
const run = promisify(execFile);

/** An image of one program, which it starts as a user of its own, for amd64 and arm64. */
async function pushBusybox(registry: Registry, dialect: Dialect): Promise<string> {
  const repository = registry.repository('busybox');
  const program = readFileSync(BUSYBOX ?? '');
  const layers = [
    await foreignTar({ name: 'bin/busybox', mode: 0o755, content: program }),
    await foreignTar({ name: 'etc/motd', content: 'at the edge' }),
  ];
  const config = {
    Entrypoint: ['/bin/busybox'],
    Env: ['WHERE=at the edge'],
    User: '1000:1000',
    WorkingDir: '/etc',
  };
  const created = '2026-01-02T03:04:05Z';
  const history = layers.map(() => ({ created, created_by: 'ADD' }));
  const entries = [];
  for (const architecture of ['arm64', 'amd64']) {
    const facts = { architecture, created, config, history };
    const manifest = await pushBaseManifest(repository, layers, facts, { dialect });
    entries.push({ ...manifest, platform: { os: 'linux', architecture } });
  }
  return (await pushBaseIndex(repository, entries, { dialect, tag: '1' })).digest;
}

describe.skipIf(!TOOLS_AVAILABLE).each<[RegistryKind, string, Dialect]>([
  ['docker-registry', 'Docker', DOCKER],
  ['distribution', 'OCI', OCI],
])('an image in %s on a base of %s', (kind, _, dialect) => {
  it.skipIf(!available(kind))('runs, and holds the model that was released', async () => {
    await using server = await startRegistry(kind);
    await using engine = await startPodman();
    const base = await pushBusybox(openRegistry(`${server.host}/bases`), dialect);
    const project = churnProject();
    edit(project, 'edgeloop.yaml', ['oci:.edgeloop/registry', `${server.host}/team/models`]);
    commit(project, 'a registry');
    const edgeloop = async (...args: string[]) => {
      const { code, stdout, stderr } = await edgeloopAsync(project, ...args, '--json');
      expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
      return JSON.parse(stdout);
    };
    const { candidate } = await edgeloop('retrain', 'churn');
    const name = `${server.host}/bases/busybox:1`;
    const released = await edgeloop('release', 'churn', '--base-image', name);
    expect(released).toMatchObject({ version: '1.0.0', image: { base: `${name}@${base}` } });
    const { ref } = released.image;

    const sums = readdirSync(candidate.path).map((file) => {
      const digest = createHash('sha256')
        .update(readFileSync(join(candidate.path, file)))
        .digest('hex');
      return `${digest}  /models/churn/1/${file}`;
    });
    const files = sums.map((line) => line.split('  ')[1] ?? '');
    expect(files).toContain('/models/churn/1/model.onnx');
    const found = await engine.runImage(ref, 'sha256sum', ...files);
    expect(found.trimEnd().split('\n')).toEqual(sums);
    // What the base says of itself is kept.
    const inside = await engine.runImage(
      ref,
      'sh',
      '-c',
      'echo $(busybox id -u) $WHERE, $(busybox cat motd)',
    );
    expect(inside.trimEnd()).toBe('1000 at the edge, at the edge');
    const history = JSON.parse(await engine.podman('history', '--format', 'json', ref));
    expect(history.map(({ CreatedBy }: { CreatedBy: string }) => CreatedBy)).toContain(
      'edgeloop: models/churn/1/model.onnx',
    );

    const at = `${server.host}/team/models/churn@${released.image.digest}`;
    // Without --fast crane takes every layer for gzip; podman has unpacked each of them above.
    await run(CRANE ?? 'crane', ['validate', '--fast', '--remote', at]);
    const lock = JSON.parse(git(project, 'show', 'churn@v1.0.0:models/churn/model.lock.json'));
    expect(lock.base).toBe(`${name}@${base}`);
    expect(await edgeloop('release', 'churn')).toMatchObject({ created: false, image: released.image });
    expect(await edgeloop('verify', 'churn')).toEqual({ ok: true, findings: [] });
  });
});
