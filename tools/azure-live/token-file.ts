import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scene } from './scene.ts';

const EVERY_MS = 60_000;

/**
 * A file that always holds a fresh token of the workflow, for a process that has no part in it: GitHub's are good for
 * minutes, trainings take hours. Nothing where no workflow runs.
 */
export async function githubTokenFile({
  idToken,
  folder,
}: Scene): Promise<AsyncDisposable & { environment: Record<string, string> }> {
  if (idToken === undefined) return { environment: {}, async [Symbol.asyncDispose]() {} };
  const file = join(folder, 'github-token');
  const renew = async () => {
    const token = await idToken('api://AzureADTokenExchange');
    writeFileSync(`${file}.new`, token, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  await renew();
  // One that fails is tried again a minute later; the one that is there is still good.
  const timer = setInterval(() => void renew().catch(() => undefined), EVERY_MS);
  return {
    environment: { AZURE_FEDERATED_TOKEN_FILE: file },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
    },
  };
}
