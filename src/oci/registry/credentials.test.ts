import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { scratchFolder, writeFiles } from '../../../test/fixtures/oci-layout.ts';
import { messageOf } from '../../errors.ts';
import { askCredentialHelper } from './credential-helper.ts';
import type { Credential } from './credential.ts';
import { credentialFor } from './credentials.ts';

const SECRET = 'hunter2:with:colons';
const auth = Buffer.from(`bob:${SECRET}`).toString('base64');
const bob: Credential = { kind: 'basic', username: 'bob', password: SECRET };
const host = 'registry.example:5000';

/** A home with this docker configuration and these helpers (shell scripts by their names) on its PATH. */
async function homeWith(config: unknown, helpers: Record<string, string> = {}) {
  const scratch = await scratchFolder();
  onTestFinished(() => scratch[Symbol.asyncDispose]());
  const home = scratch.path;
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  await writeFiles(home, { '.docker/config.json': text });
  for (const [name, script] of Object.entries(helpers)) {
    const program = `bin/docker-credential-${name}`;
    await writeFiles(home, { [program]: `#!/bin/sh\n${script}\n` });
    await chmod(join(home, program), 0o755);
  }
  return { home, environment: { PATH: `${join(home, 'bin')}:${process.env['PATH']}` } };
}

const answers = (username: string, secret: string): string =>
  `echo '${JSON.stringify({ ServerURL: host, Username: username, Secret: secret })}'`;

/** What reading fails with: its code, and its message with those of its causes. */
async function errorOf(reading: Promise<unknown>): Promise<{ code: string; message: string; shown: string }> {
  const error: unknown = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error) || !('code' in error)) throw new Error(`no coded error: ${String(error)}`);
  const remedy = 'remedy' in error ? String(error.remedy) : '';
  return { code: String(error.code), message: error.message, shown: `${messageOf(error)} ${remedy}` };
}

describe('a credential from the environment', () => {
  it('goes before the docker configuration, which is not even read', async () => {
    const { home } = await homeWith('{ broken');
    const environment = { EDGELOOP_REGISTRY_USERNAME: 'bob', EDGELOOP_REGISTRY_PASSWORD: SECRET };
    expect(await credentialFor(host, { environment, home })).toEqual(bob);
  });

  it('is none when both variables are empty, and a mistake when one is', async () => {
    const { home } = await homeWith({});
    const empty = { EDGELOOP_REGISTRY_USERNAME: '', EDGELOOP_REGISTRY_PASSWORD: '' };
    expect(await credentialFor(host, { environment: empty, home })).toBeUndefined();
    const half = { environment: { EDGELOOP_REGISTRY_PASSWORD: SECRET }, home };
    const error = await errorOf(credentialFor(host, half));
    expect(error).toMatchObject({
      code: 'registry-credential-incomplete',
      message: 'EDGELOOP_REGISTRY_PASSWORD is set, but EDGELOOP_REGISTRY_USERNAME is not',
    });
    expect(error.shown).not.toContain(SECRET);
  });
});

describe('a credential from the docker configuration', () => {
  it('is found by its host, however the key is written, and by no other', async () => {
    for (const key of [host, `https://${host}`, `http://${host}/v2/`, `https://Registry.Example:5000/v1/`])
      expect(await credentialFor(host, await homeWith({ auths: { [key]: { auth } } }))).toEqual(bob);
    const others = { auths: { 'registry.example': { auth }, 'my.registry.example:5000': { auth } } };
    expect(await credentialFor(host, await homeWith(others))).toBeUndefined();
  });

  it('prefers the key that is the host alone', async () => {
    const auths = { [`https://${host}/v1/`]: { auth: 'YTpi' }, [host]: { auth } };
    expect(await credentialFor(host, await homeWith({ auths }))).toEqual(bob);
  });

  it('is a user name with a password, written apart or padded by docker, or an identity token', async () => {
    const padded = Buffer.from(`bob:${SECRET}\0\0`).toString('base64');
    const entries: [object, Credential | undefined][] = [
      [{ username: 'bob', password: SECRET }, bob],
      [{ auth: padded }, bob],
      [
        { auth, identitytoken: 'id-token' },
        { kind: 'identity-token', token: 'id-token' },
      ],
      [{ auth: '' }, undefined],
      [{}, undefined],
    ];
    for (const [entry, expected] of entries)
      expect(await credentialFor(host, await homeWith({ auths: { [host]: entry } }))).toEqual(expected);
  });

  it('is read from DOCKER_CONFIG when that is set, and is none without a file or in an empty one', async () => {
    const { home } = await homeWith({ auths: { [host]: { auth } } });
    const elsewhere = { DOCKER_CONFIG: join(home, '.docker') };
    expect(await credentialFor(host, { environment: elsewhere, home: '/nowhere' })).toEqual(bob);
    expect(await credentialFor(host, { environment: { DOCKER_CONFIG: '/nowhere' }, home })).toBeUndefined();
    expect(await credentialFor(host, await homeWith(''))).toBeUndefined();
  });

  it("knows Docker Hub's other names", async () => {
    const at = await homeWith({ auths: { 'https://index.docker.io/v1/': { auth } } });
    expect(await credentialFor('docker.io', at)).toEqual(bob);
    expect(await credentialFor('registry-1.docker.io', at)).toEqual(bob);
  });

  it('names the file and place of a mistake, and nothing that stands there', async () => {
    const broken: [unknown, string][] = [
      [`{"auths":{"${host}":{"auth":"${SECRET}" "x":1}}}`, 'it is not JSON at line 1 column'],
      [`{${SECRET}`, 'it is not JSON'],
      [{ auths: { [host]: SECRET } }, `"auths": "${host}": `],
      [{ auths: { [host]: { auth: [SECRET] } } }, `"auths": "${host}": "auth": `],
      [{ auths: { [host]: { auth: 'aHVudGVyMg==' } } }, `"auth" in "${host}" is not USERNAME:PASSWORD`],
      [{ credHelpers: { [host]: '../hunter2' } }, `"credHelpers": "${host}": `],
    ];
    for (const [config, place] of broken) {
      const at = await homeWith(config);
      const error = await errorOf(credentialFor(host, at));
      expect(error.code).toBe('docker-config-invalid');
      expect(error.message).toContain(`${join(at.home, '.docker/config.json')}: ${place}`);
      expect(error.shown).not.toMatch(/hunter2|aHVudGVyMg/);
    }
  });
});

describe('a credential helper', () => {
  it('is asked for the host on stdin, with nothing of it in its arguments', async () => {
    const seen = `printf '%s|' "$@" > "$(dirname "$0")/args"; cat > "$(dirname "$0")/stdin"`;
    const at = await homeWith(
      { credHelpers: { [host]: 'mine' }, credsStore: 'other' },
      { mine: `${seen}; ${answers('bob', SECRET)}`, other: 'exit 9' },
    );
    expect(await credentialFor(host, at)).toEqual(bob);
    expect(await readFile(join(at.home, 'bin/args'), 'utf8')).toBe('get|');
    expect(await readFile(join(at.home, 'bin/stdin'), 'utf8')).toBe(host);
  });

  it('may give an identity token, and need not read what it is sent', async () => {
    const at = await homeWith({ credsStore: 'store' }, { store: answers('<token>', SECRET) });
    expect(await credentialFor(host, at)).toEqual({ kind: 'identity-token', token: SECRET });
  });

  it('is asked for Docker Hub by the name that docker gives it', async () => {
    const at = await homeWith(
      { credsStore: 'store' },
      { store: `[ "$(cat)" = https://index.docker.io/v1/ ] && ${answers('bob', SECRET)}` },
    );
    expect(await credentialFor('docker.io', at)).toEqual(bob);
  });

  it('that knows no credential leaves it to what is stored in the file', async () => {
    const store = 'echo "credentials not found in native keychain"; exit 1';
    expect(await credentialFor(host, await homeWith({ credsStore: 'store' }, { store }))).toBeUndefined();
    const both = { credsStore: 'store', auths: { [host]: { auth } } };
    expect(await credentialFor(host, await homeWith(both, { store }))).toEqual(bob);
  });

  it('that fails is named, without what it printed', async () => {
    const failing: [string, string][] = [
      [`echo ${SECRET}; echo ${SECRET} >&2; exit 3`, 'ended with exit code 3'],
      [`echo '{"Username":"bob","Secret":"${SECRET}"'`, 'printed no JSON with "Username" and "Secret"'],
      [`echo '{"Secret":"${SECRET}"}'`, 'printed no JSON with "Username" and "Secret"'],
      [`kill -9 $$`, 'did not run (SIGKILL)'],
    ];
    for (const [store, problem] of failing) {
      const error = await errorOf(credentialFor(host, await homeWith({ credsStore: 'store' }, { store })));
      expect(error.code).toBe('credential-helper-failed');
      expect(error.message).toBe(
        `docker-credential-store, which the docker configuration names for ${host}, ${problem}`,
      );
      expect(error.shown).not.toContain('hunter2');
    }
    const missing = await errorOf(credentialFor(host, await homeWith({ credsStore: 'store' })));
    expect(missing.message).toContain('is not installed, or not on the PATH');
  });

  it('that never answers is ended, also when a child of it holds its output', async () => {
    const { environment } = await homeWith({}, { slow: 'sleep 25' });
    const error = await errorOf(askCredentialHelper('slow', host, { environment, limitMs: 100 }));
    expect(error.message).toContain('did not answer within 0.1 s');
  });
});
