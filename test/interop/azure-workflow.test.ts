// An action whose job may prove which workflow it is: its token of GitHub becomes one of Entra, without any secret.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectDone } from '../fixtures/action-project.ts';
import { runStep } from '../fixtures/action-runner.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { blobProject, type BlobScene, startBlobScene } from '../fixtures/blob-project.ts';

describe.skipIf(!azuriteAvailable())('an action with permissions: id-token: write', () => {
  let scene: BlobScene;
  let cwd: string;
  let workflow: Awaited<ReturnType<typeof startOidc>>;
  beforeAll(async () => {
    scene = await startBlobScene();
    ({ project: cwd } = await blobProject(scene, 'churn'));
    workflow = await startOidc(scene.assertion);
  }, 60_000);
  afterAll(async () => {
    workflow?.stop();
    await scene?.[Symbol.asyncDispose]();
  });

  const plan = (more: Record<string, string> = {}) => {
    const { AZURE_FEDERATED_TOKEN_FILE: _, ...who } = scene.identity;
    return runStep('plan', { cwd, environment: { ...scene.common, ...who, ...more } });
  };

  it('plans data in Blob Storage with nothing but its own token; that and what it became are masked', async () => {
    const step = expectDone(await plan(workflow.environment));
    expect(step.outputs['any']).toBe('true');
    expect(workflow.asked).not.toHaveLength(0);
    for (const { audience, authorization } of workflow.asked) {
      expect({ audience, authorization }).toEqual({
        audience: 'api://AzureADTokenExchange',
        authorization: 'Bearer request-token',
      });
    }
    const sent = scene.proxy.requests.at(-1)?.headers.authorization?.replace('Bearer ', '');
    expect(scene.entra.tokens).toContain(sent);
    const masked = step.commands.filter(({ command }) => command === 'add-mask');
    const secrets = new Set(masked.map(({ message }) => message));
    expect([...secrets]).toEqual(expect.arrayContaining([scene.assertion, sent]));
    // The runner shows no line of a command, and after it nothing that was masked.
    const shown = step.stdout.split('\n').filter((line) => !line.startsWith('::add-mask::'));
    expect(shown.join('\n') + step.summary).not.toContain(sent);
  });

  it('is told what to add where it has none', async () => {
    const step = await plan();
    expect(step.code).toBe(1);
    expect(step.commands.at(-1)?.message).toMatch(
      /workflow token \(OIDC\): no workflow whose job has permissions: id-token: write[^]*id-token: write/,
    );
  });
});

/** What a runner asks for tokens of a workflow (GitHub, "OpenID Connect reference"), one and the same each time. */
async function startOidc(token: string) {
  const asked: { audience: string | null; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://runner.test');
    const { authorization } = request.headers;
    asked.push({ audience: url.searchParams.get('audience'), authorization });
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ value: token }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return {
    asked,
    environment: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
    },
    stop: () => void server.close().closeAllConnections(),
  };
}
