import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { churnProject, PROGRAM, type Ran } from '../fixtures/churn-project.ts';
import { checkError, edit } from '../fixtures/expect-error.ts';
import { startTokenServer } from '../fixtures/token-server.ts';

/** Runs a verb, and sends SIGINT as soon as everything in `asked` has happened. */
async function cancelled(
  args: string[],
  { cwd, env, asked }: { cwd: string; env: Record<string, string>; asked: Promise<unknown>[] },
): Promise<Ran> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd, env: { ...process.env, ...env } });
  const [ended, stdout, stderr] = [once(child, 'close'), text(child.stdout), text(child.stderr)];
  await Promise.all(asked);
  child.kill('SIGINT');
  await ended;
  return { code: child.exitCode, stdout: await stdout, stderr: await stderr };
}

// Shorter than the program itself would wait for an answer.
it('is cancelled by Ctrl-C while a registry says nothing', { timeout: 20_000 }, async () => {
  const asked = Promise.withResolvers<void>();
  const registry = await startTokenServer(() => {
    asked.resolve();
    return new Promise(() => {});
  });
  const env = { EDGELOOP_REGISTRY: `${registry.host}/models` };
  const ran = await cancelled(['plan', 'churn'], { cwd: churnProject(), env, asked: [asked.promise] });
  checkError(ran, { exit: 1, code: 'cancelled', says: ['cancelled'] });
  expect(ran.code).toBe(1);
});

it(
  'is cancelled by Ctrl-C with one error when several checks of doctor wait',
  { timeout: 20_000 },
  async () => {
    const asked = Promise.withResolvers<void>();
    const registry = await startTokenServer(() => {
      asked.resolve();
      return new Promise(() => {});
    });
    await using entra = createServer((socket) => void socket.on('error', () => {}).resume());
    const connected = once(entra, 'connection');
    entra.listen(0, '127.0.0.1');
    await once(entra, 'listening');
    const address = entra.address();
    const cwd = churnProject();
    const id = '00000000-0000-4000-8000-000000000000';
    edit(cwd, 'edgeloop.yaml', ['train: data/train', 'train: azureblob://acme/data/train']);
    const file = join(cwd, '../assertion');
    writeFileSync(file, 'assertion');
    const env = {
      EDGELOOP_REGISTRY: `${registry.host}/models`,
      AZURE_AUTHORITY_HOST: `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
      AZURE_TENANT_ID: id,
      AZURE_CLIENT_ID: id,
      AZURE_FEDERATED_TOKEN_FILE: file,
    };
    const ran = await cancelled(['doctor'], { cwd, env, asked: [asked.promise, connected] });
    checkError(ran, { exit: 1, code: 'cancelled', says: ['cancelled'] });
    expect(ran.code).toBe(1);
  },
);
