import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { churnProject, PROGRAM } from '../fixtures/churn-project.ts';
import { checkError } from '../fixtures/expect-error.ts';
import { startTokenServer } from '../fixtures/token-server.ts';

// Shorter than the program itself would wait for an answer.
it('is cancelled by Ctrl-C while a registry says nothing', { timeout: 20_000 }, async () => {
  const asked = Promise.withResolvers<void>();
  const registry = await startTokenServer(() => {
    asked.resolve();
    return new Promise(() => {});
  });
  const child = spawn(process.execPath, [PROGRAM, 'plan', 'churn'], {
    cwd: churnProject(),
    env: { ...process.env, EDGELOOP_REGISTRY: `${registry.host}/models` },
  });
  const [ended, stdout, stderr] = [once(child, 'close'), text(child.stdout), text(child.stderr)];
  await asked.promise;
  child.kill('SIGINT');
  await ended;
  const ran = { code: child.exitCode, stdout: await stdout, stderr: await stderr };
  checkError(ran, { exit: 1, code: 'cancelled', says: ['cancelled'] });
  expect(ran.code).toBe(1);
});
