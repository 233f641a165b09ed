import { describe, expect, it } from 'vitest';
import { churnProject, commit, edgeloopAsync } from '../fixtures/churn-project.ts';
import { edit } from '../fixtures/expect-error.ts';
import { json } from '../fixtures/json-answer.ts';
import { available, type RegistryKind, startRegistry } from '../fixtures/registries.ts';

// A registry is another value of a setting: the same loop, and the same input key as with a folder.
describe.each<RegistryKind>(['docker-registry', 'distribution', 'ociregistry'])(
  'the loop over %s',
  (kind) => {
    it.skipIf(!available(kind))('trains, releases, rolls out and verifies', async () => {
      const folder = churnProject();
      const [planned] = json(folder, 0, 'plan', 'churn').models;
      const project = churnProject();
      await using registry = await startRegistry(kind);
      edit(project, 'edgeloop.yaml', ['oci:.edgeloop/registry', `${registry.host}/team/models`]);
      commit(project, 'a registry');
      const run = async (...args: string[]) => {
        const { code, stdout, stderr } = await edgeloopAsync(project, ...args, '--json');
        expect({ args, code, stderr: code === 0 ? '' : `${stderr}${registry.log()}` }).toEqual({
          args,
          code: 0,
          stderr: '',
        });
        return JSON.parse(stdout);
      };
      const trained = await run('retrain', 'churn');
      expect(trained.inputKey).toBe(planned.inputKey);
      expect((await run('plan', 'churn')).models[0]).toMatchObject({
        decision: 'reuse',
        candidate: trained.candidate.digest,
      });
      const released = await run('release', 'churn');
      expect(released).toMatchObject({
        version: '1.0.0',
        modelManifest: { digest: trained.candidate.digest },
      });
      expect(await run('rollout', 'churn@1.0.0', '--channel', 'production')).toMatchObject({
        sequence: 1,
        digest: trained.candidate.digest,
      });
      const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);
      expect(await run('status', trained.candidate.digest)).toMatchObject({
        version: '1.0.0',
        dataset: {
          files: 1,
          manifest: digest,
          list: expect.stringContaining(`${registry.host}/team/models/churn@`),
        },
        verdict: { outcome: 'first' },
        report: digest,
        trainingLog: digest,
        channels: [{ channel: 'production', sequence: 1, now: true }],
        unreadable: [],
      });
      for (const created of [true, false])
        expect(await run('deprecate', 'churn@1.0.0', '--why', 'for a test')).toMatchObject({ created });
      expect(await run('status')).toMatchObject({
        models: [{ releases: [{ version: '1.0.0', deprecated: true }] }],
        channels: [{ documents: 1, history: [{ sequence: 1, version: '1.0.0' }] }],
      });
      expect(await run('verify', 'churn')).toEqual({ ok: true, findings: [] });
      expect(await run('retrain', 'churn')).toMatchObject({ reused: true });
    });
  },
);
