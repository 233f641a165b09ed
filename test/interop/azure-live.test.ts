// The program that looks at a real Azure, let loose on the stand-ins: it finds each assumption true, down to a locked and
// registered release of churn, and tells of one that is not.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acrAvailable } from '../fakes/acr/stand-in.ts';
import { type LocalAzure, startLocalAzure } from '../fakes/local-azure.ts';
import { azuriteAvailable } from '../fixtures/azurite.ts';
import { readDocument } from '../fixtures/documents.ts';

const PROGRAM = resolve(import.meta.dirname, '../../tools/azure-live.ts');
const SUMMARY = join(mkdtempSync(join(tmpdir(), 'edgeloop-azure-live-test-')), 'summary.md');

describe.skipIf(!azuriteAvailable() || !acrAvailable())('tools/azure-live.ts', () => {
  let azure: LocalAzure;
  beforeAll(async () => {
    azure = await startLocalAzure({ ml: { paceMs: 50 } });
  }, 60_000);
  afterAll(() => azure?.stop());

  async function look(args: string[], more: Record<string, string> = {}) {
    const { subscription, resourceGroup, workspace } = azure.ml.place;
    const env = {
      ...process.env,
      ...azure.environment,
      ...azure.oidc.environment,
      AZURE_SUBSCRIPTION_ID: subscription,
      EDGELOOP_LIVE_GROUP: resourceGroup,
      EDGELOOP_LIVE_WORKSPACE: workspace,
      EDGELOOP_LIVE_COMPUTE: 'cpu',
      EDGELOOP_LIVE_ENVIRONMENT: `mcr.microsoft.com/azureml/base@sha256:${'1'.repeat(64)}`,
      GITHUB_STEP_SUMMARY: SUMMARY,
      ...more,
    };
    const ran = await new Promise<{ code: number | null; stdout: string; stderr: string }>((ended) => {
      const child = execFile(process.execPath, [PROGRAM, ...args], { env }, (_error, stdout, stderr) =>
        ended({ code: child.exitCode, stdout, stderr }),
      );
    });
    const told = ran.stdout.matchAll(/^(as assumed|DIFFERS) +([\w-]+): .*\n +saw: (.*)$/gm);
    const results = Array.from(told, ([, verdict, id, saw]) => ({ verdict, id, saw }));
    return { ...ran, results, differing: results.filter(({ verdict }) => verdict === 'DIFFERS') };
  }

  it('sees everything as assumed, in the order of the checklist, and shows no secret', async () => {
    const { code, differing, results, stdout, stderr } = await look(['--loop']);
    expect({ code, differing, stderr: code === 0 ? '' : stderr }).toEqual({
      code: 0,
      differing: [],
      stderr: '',
    });
    const listed = readDocument('docs/azure-live.md').matchAll(/^\| `([a-z]+-[a-z-]+)` \|/gm);
    expect(results.map(({ id }) => id)).toEqual(Array.from(listed, ([, id]) => id));
    expect(stdout + stderr).not.toMatch(/[?&]sig=|eyJ[\w-]{20}/);
    const table = readFileSync(SUMMARY, 'utf8').split('\n');
    expect(table.filter((line) => line.startsWith('| as assumed |'))).toHaveLength(results.length);
  });

  it('tells what differs, and ends with 1', async () => {
    azure.ml.may.pendingUpload = false;
    const { code, differing } = await look(['--only', 'asset-']);
    azure.ml.may.pendingUpload = true;
    // Code gets there all the same, with our own token.
    expect({ code, differing: differing.map(({ id }) => id) }).toEqual({
      code: 1,
      differing: ['asset-upload'],
    });
    const strangers = await look(['--only', 'token-'], {
      AZURE_CLIENT_ID: '00000000-0000-0000-0000-000000000000',
    });
    expect(strangers.differing.map(({ id, saw }) => `${id}: ${saw}`)).toContainEqual(
      expect.stringMatching(/^token-arm: .*AADSTS/),
    );
  });

  it('asks for what is not set', async () => {
    const { code, stderr } = await look([], { EDGELOOP_LIVE_GROUP: '', EDGELOOP_LIVE_ENVIRONMENT: '' });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining('not set: EDGELOOP_LIVE_GROUP, EDGELOOP_LIVE_ENVIRONMENT'),
    });
  });
});
