import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { isSystemError, misuse } from '../../errors.ts';
import type { Credential } from './credential.ts';

/** What the docker configuration has for one registry host. */
export interface DockerLogin {
  /** The NAME of `docker-credential-NAME`, to be asked first. */
  helper?: string;
  /** How docker writes the host when it asks a helper. */
  server: string;
  stored?: Credential;
}

const helperSchema = z.string().regex(/^[\w.-]*$/, 'expected the name of a helper without its folder');
const entrySchema = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});
// docker/cli, cli/config/configfile/file.go. Most of what else may be in it is about docker itself.
const configSchema = z.object({
  auths: z.record(z.string(), entrySchema).optional(),
  credHelpers: z.record(z.string(), helperSchema).optional(),
  credsStore: helperSchema.optional(),
});
type Entry = z.output<typeof entrySchema>;

const DOCKER_HUB = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/**
 * Finds a registry host in a docker `config.json`; nothing when there is no such file. Throws
 * `docker-config-invalid`, which names the file and the place in it, and nothing that stands there.
 */
export async function readDockerConfig(file: string, host: string): Promise<DockerLogin> {
  const isHub = DOCKER_HUB.includes(host);
  const server = isHub ? 'https://index.docker.io/v1/' : host;
  const text = await readText(file);
  // Docker takes an empty file for none.
  if (text === undefined || text.trim() === '') return { server };
  const { auths = {}, credHelpers = {}, credsStore } = parse(file, text);
  const hosts = isHub ? DOCKER_HUB : [host.toLowerCase()];
  const helper = find(credHelpers, hosts)?.value || credsStore;
  const entry = find(auths, hosts);
  const stored = entry && credentialOf(file, entry.key, entry.value);
  return { server, ...(helper && { helper }), ...(stored && { stored }) };
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw misuse('docker-config-invalid', `${file} cannot be read`, 'Check its owner and permissions.', {
      cause: error,
    });
  }
}

function parse(file: string, text: string): z.output<typeof configSchema> {
  const parsed = configSchema.safeParse(jsonOf(file, text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.map((part) => `${JSON.stringify(part)}: `).join('') ?? '';
  throw invalid(file, `${place}${issue?.message}`);
}

function jsonOf(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own message repeats what stands there, which may be a password.
    const [place] = /line \d+ column \d+/.exec(String(error)) ?? [];
    throw invalid(file, place === undefined ? 'it is not JSON' : `it is not JSON at ${place}`);
  }
}

/** The value whose key is one of the hosts; one with a scheme or path counts when none is the host alone. */
function find<Value>(
  values: Record<string, Value>,
  hosts: readonly string[],
): { key: string; value: Value } | undefined {
  const entries = Object.entries(values).map(([key, value]) => ({ key, value }));
  return (
    entries.find(({ key }) => hosts.includes(key.toLowerCase())) ??
    entries.find(({ key }) => hosts.includes(hostOf(key)))
  );
}

function hostOf(key: string): string {
  return key
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/s, '');
}

function credentialOf(file: string, key: string, entry: Entry): Credential | undefined {
  if (entry.identitytoken) return { kind: 'identity-token', token: entry.identitytoken };
  // Docker writes an empty entry for what a helper keeps.
  if (!entry.auth) {
    const { username = '', password = '' } = entry;
    return password === '' ? undefined : { kind: 'basic', username, password };
  }
  const text = Buffer.from(entry.auth, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 0) throw invalid(file, `"auth" in "${key}" is not USERNAME:PASSWORD in base64`);
  // Docker pads a password with NUL when it writes one.
  const password = text.slice(colon + 1).replace(/\0+$/, '');
  return { kind: 'basic', username: text.slice(0, colon), password };
}

function invalid(file: string, problem: string): Error {
  return misuse(
    'docker-config-invalid',
    `${file}: ${problem}`,
    'Correct it, or move it aside and log in again with "docker login".',
  );
}
