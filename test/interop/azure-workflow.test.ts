// An action whose job may prove which workflow it is: its token of GitHub becomes one of Entra, without any secret.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectDone } from '../fixtures/action-project.ts';
import { runStep } from '../fixtures/action-runner.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { blobProject, type BlobScene, startBlobScene } from '../fixtures/blob-project.ts';

describe.skipIf(!azuriteAvailable())('an action with permissions: id-token: write', () => {
  let scene: BlobScene;
  let cwd: string;
  beforeAll(async () => {
    scene = await startBlobScene();
    ({ project: cwd } = await blobProject(scene, 'churn'));
  }, 60_000);
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  });

  const plan = (more: Record<string, string> = {}) => {
    const { AZURE_FEDERATED_TOKEN_FILE: _, ...who } = scene.identity;
    return runStep('plan', { cwd, environment: { ...scene.common, ...who, ...more } });
  };

  it('plans data in Blob Storage with nothing but its own token; that and what it became are masked', async () => {
    const step = expectDone(await plan(scene.oidc.environment));
    expect(step.outputs['any']).toBe('true');
    const { asked } = scene.oidc;
    expect(new Set(asked.map(({ audience }) => audience))).toEqual(new Set(['api://AzureADTokenExchange']));
    const sent = scene.proxy.requests.at(-1)?.headers.authorization?.replace('Bearer ', '');
    expect(scene.entra.tokens).toContain(sent);
    const masked = step.commands.filter(({ command }) => command === 'add-mask');
    const secrets = new Set(masked.map(({ message }) => message));
    expect([...secrets]).toEqual(expect.arrayContaining([...asked.map(({ token }) => token), sent]));
    expect(step.shown + step.summary).not.toContain(sent);
  });

  it('is told what to add where it has none', async () => {
    const step = await plan();
    expect(step.code).toBe(1);
    expect(step.commands.at(-1)?.message).toMatch(
      /workflow token \(OIDC\): no workflow whose job has permissions: id-token: write[^]*id-token: write/,
    );
  });
});
