import { execFile, type ExecFileException } from 'node:child_process';
import { z } from 'zod';
import { failure } from '../../errors.ts';
import type { Credential, Environment } from './credential.ts';

const answerSchema = z.object({ Username: z.string(), Secret: z.string() });
const LARGEST_ANSWER = 1024 * 1024;

/**
 * Asks `docker-credential-NAME get` for a server (docker-credential-helpers, "Credential helpers protocol"); `undefined`
 * when it knows none. Throws `credential-helper-failed`. What a helper printed is in no message: it may be the secret.
 */
export async function askCredentialHelper(
  name: string,
  server: string,
  { environment, limitMs = 10_000 }: { environment: Environment; limitMs?: number },
): Promise<Credential | undefined> {
  const program = `docker-credential-${name}`;
  const { problem, output } = await run(program, server, environment, limitMs);
  if (problem !== undefined) {
    if (output.includes('credentials not found')) return undefined;
    throw failed(program, server, problem);
  }
  const answer = answerSchema.safeParse(jsonOf(output)).data;
  if (answer === undefined) throw failed(program, server, 'printed no JSON with "Username" and "Secret"');
  const { Username: username, Secret: secret } = answer;
  if (secret === '') return undefined;
  return username === '<token>'
    ? { kind: 'identity-token', token: secret }
    : { kind: 'basic', username, password: secret };
}

function run(
  program: string,
  input: string,
  environment: Environment,
  limitMs: number,
): Promise<{ problem?: string; output: string }> {
  const settings = {
    env: environment,
    timeout: limitMs,
    killSignal: 'SIGKILL' as const,
    maxBuffer: LARGEST_ANSWER,
  };
  return new Promise((resolve) => {
    const child = execFile(program, ['get'], settings, (error, stdout, stderr) => {
      if (error === null) return resolve({ output: stdout });
      resolve({ problem: problemOf(error, limitMs), output: `${stdout}\n${stderr}` });
    });
    // A helper need not read what it does not want.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

function problemOf({ code, killed, signal }: ExecFileException, limitMs: number): string {
  if (code === 'ENOENT') return 'is not installed, or not on the PATH';
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'printed too much';
  if (killed === true) return `did not answer within ${limitMs / 1000} s`;
  return typeof code === 'number' ? `ended with exit code ${code}` : `did not run (${code ?? signal})`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failed(program: string, server: string, problem: string): Error {
  return failure(
    'credential-helper-failed',
    `${program}, which the docker configuration names for ${server}, ${problem}`,
    `Run "${program} list" to see what is wrong with it, or take it out of the docker configuration.`,
  );
}
