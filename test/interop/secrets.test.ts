// What a program that fails leaves on its outputs, in the project and in the list of processes: no secret.
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTokenIssuer, type TokenIssuer } from '../fakes/token-issuer.ts';
import { churnProject, edgeloopWith, type Ran } from '../fixtures/churn-project.ts';
import { checkError } from '../fixtures/expect-error.ts';
import { scratchFolder, writeFiles } from '../fixtures/oci-layout.ts';
import { availableWithCertificates, type RunningRegistry, startRegistry } from '../fixtures/registries.ts';

const ACCOUNT = { username: 'edgeloop', password: 'hunter2-&= secret' };
const REFRESH = 'refresh-secret';
const GIVEN = {
  EDGELOOP_REGISTRY_USERNAME: ACCOUNT.username,
  EDGELOOP_REGISTRY_PASSWORD: ACCOUNT.password,
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const WRONG = base64(`${ACCOUNT.username}:wrong-secret`);

describe.skipIf(!availableWithCertificates('distribution'))('no secret is told', () => {
  let issuer: TokenIssuer;
  let registry: RunningRegistry;
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  beforeAll(async () => {
    issuer = await startTokenIssuer({
      ...ACCOUNT,
      refreshToken: REFRESH,
      denied: /^private\//,
      readOnly: /^published\//,
    });
    registry = await startRegistry('distribution', { auth: issuer.auth });
    scratch = await scratchFolder();
  });
  afterAll(async () => {
    await registry?.stop();
    await issuer?.stop();
    await scratch?.[Symbol.asyncDispose]();
  });

  /** Every form that a secret can take. */
  const secrets = (): string[] => [
    ACCOUNT.password,
    encodeURIComponent(ACCOUNT.password),
    new URLSearchParams({ '': ACCOUNT.password }).toString().slice(1),
    base64(`${ACCOUNT.username}:${ACCOUNT.password}`),
    'wrong-secret',
    WRONG,
    REFRESH,
    'stale-secret',
    // The part that makes it one: the first is the same for all.
    ...issuer.tokens.map((token) => token.split('.')[2] ?? token),
  ];
  const secretsIn = (text: string): string[] => secrets().filter((secret) => text.includes(secret));
  const run = (prefix: string, environment: Record<string, string>, cwd: string, ...args: string[]) =>
    edgeloopWith(
      { HOME: scratch.path, EDGELOOP_REGISTRY: `${registry.host}/${prefix}`, ...environment },
      cwd,
      ...args,
      '--log-level',
      'debug',
    );

  it.each([
    ['a wrong password', 'models', { auth: WRONG }, 'registry-unauthorized', 1],
    ['a stale identity token', 'models', { identitytoken: 'stale-secret' }, 'registry-unauthorized', 1],
    ['a scope that is refused', 'private', { identitytoken: REFRESH }, 'registry-unauthorized', 1],
    ['what is no credential', 'models', { auth: base64('wrong-secret') }, 'docker-config-invalid', 2],
  ] as const)('about %s', async (what, prefix, entry, code, exit) => {
    const project = churnProject();
    const folder = join(scratch.path, what.replaceAll(' ', '-'));
    const config = JSON.stringify({ auths: { [registry.host]: entry } });
    await writeFiles(folder, { 'config.json': config });
    const environment = { DOCKER_CONFIG: folder };
    const says =
      code === 'registry-unauthorized' ? [registry.host, `repository:${prefix}/churn`, 'docker login'] : [];
    const ran = await run(prefix, environment, project, 'plan', 'churn');
    checkError(ran, { exit, code, says });
    const asJson = await run(prefix, environment, project, 'plan', 'churn', '--json');
    expect(JSON.parse(asJson.stdout)).toMatchObject({ error: { code } });
    expect(secretsIn(outputs(ran) + outputs(asJson))).toEqual([]);
  });

  it('when a push is refused after a training, by any process or file of it', async () => {
    const project = churnProject();
    const retrain = run('published', GIVEN, project, 'retrain', 'churn');
    let seen = '';
    let ran: Ran | undefined;
    while (ran === undefined) {
      seen += (await promisify(execFile)('ps', ['-A', '-ww', '-o', 'args='])).stdout;
      ran = await Promise.race([retrain, sleep(50, undefined)]);
    }
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toMatch(
      `error[registry-unauthorized]: ${registry.host} refused the user name "edgeloop" (repository:published/churn:pull,push)`,
    );
    expect(issuer.tokens.length).toBeGreaterThan(0);
    expect(seen).toContain('edgeloop.js retrain churn');
    const files = await Promise.all((await filesIn(project)).map((file) => readFile(file, 'latin1')));
    expect(files.length).toBeGreaterThan(10);
    expect([ran.stderr, seen, ...files].flatMap(secretsIn)).toEqual([]);
  });
});

function outputs({ stdout, stderr }: Ran): string {
  return `${stdout}\n${stderr}`;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
