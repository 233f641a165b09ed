import { spawn } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { failure, isSystemError, refusal } from '../errors.ts';
import { killGroup } from '../kill-group.ts';

/**
 * What npm needs: its own settings, proxies, certificates, and the two names by which a `.npmrc` usually asks for the
 * token of a private registry. No input of the action's, and no credential of GitHub or a cloud.
 */
const ALLOWED_VARIABLES =
  /^(PATH|HOME|USER|LANG|LC_[A-Z]+|TMPDIR|XDG_[A-Z_]+|npm_config_.+|NODE_AUTH_TOKEN|NPM_TOKEN|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|(HTTPS?|NO|ALL)_PROXY)$/i;

const ARGUMENTS = [
  'ci',
  '--omit=dev',
  '--ignore-scripts',
  // The Node that runs npm is not the one that loads what it installs.
  '--engine-strict=false',
  '--audit=false',
  '--fund=false',
  '--update-notifier=false',
  '--color=false',
  '--loglevel=warn',
];

/** npm 10 and 11 also exit with 0 after some errors: when the disk is full, when no registry answers (npm 10). */
const TROUBLE = /^npm (error|ERR!|(warn|WARN) tar) /m;
/** Stacks, and where npm's own log is. */
const NOISE = /^npm \S+ ( |}|A complete log)/;

const BY_HAND =
  'or run "npm ci --omit=dev --ignore-scripts" in a copy of its package.json and package-lock.json and name that folder in EDGELOOP_ONNXRUNTIME';

interface NpmDeps {
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/**
 * Installs into a folder what its package-lock.json names, checked by npm against the lock's sha512. Throws
 * `npm-missing`, `onnxruntime-altered`, `onnxruntime-unavailable`, `onnxruntime-unsupported`, `disk-full` or the
 * signal's reason.
 */
export async function installLocked(folder: string, { environment, signal }: NpmDeps): Promise<void> {
  const ran = await run('npm', ARGUMENTS, { folder, environment: npmEnvironment(environment), signal });
  if (ran.code !== 0 || TROUBLE.test(ran.output)) throw npmFailed(ran);
}

/** Loads ONNX Runtime from there in another process. Throws `onnxruntime-unsupported`. */
export async function requireLoadable(folder: string, { environment, signal }: NpmDeps): Promise<void> {
  const program = ['--input-type=commonjs', '--eval', 'require("onnxruntime-node")'];
  const { code, output } = await run(process.execPath, program, {
    folder,
    environment: { ...environment, NODE_OPTIONS: undefined, ORT_DISABLE_TELEMETRY: '1' },
    signal,
  });
  if (code !== 0) throw unsupported(/^Error: .*/m.exec(output)?.[0] ?? output.trim());
}

interface Ran {
  code: number | null;
  /** What it printed, both streams. */
  output: string;
}

/** Runs a program in a process group of its own, which the signal ends. */
async function run(
  program: string,
  parameters: readonly string[],
  { folder, environment, signal }: NpmDeps & { folder: string },
): Promise<Ran> {
  signal.throwIfAborted();
  const child = spawn(program, parameters, {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  // Nothing is lost with it: what it has written is thrown away.
  const end = () => killGroup(child.pid, 'SIGKILL');
  signal.addEventListener('abort', end, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    return { code, output };
  } catch (error) {
    throw isSystemError(error, 'ENOENT', 'EACCES') ? missing(program, error) : error;
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** Where the PATH has no npm, the one that the runner's own Node brings along serves. */
function npmEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => ALLOWED_VARIABLES.test(name));
  const path = [environment['PATH'], dirname(process.execPath)].filter(Boolean).join(delimiter);
  return { ...Object.fromEntries(kept), PATH: path, ONNXRUNTIME_NODE_INSTALL: 'skip' };
}

function npmFailed({ code, output }: Ran): Error {
  const lines = new Set(output.split('\n').filter((line) => TROUBLE.test(line) && !NOISE.test(line)));
  const words = [...lines].slice(0, 6).join('\n  ') || `npm exited with ${code}`;
  if (/ EINTEGRITY\b/.test(words)) {
    return refusal(
      'onnxruntime-altered',
      `the npm registry sent other bytes than our package-lock.json names:\n  ${words}`,
      'Find out what stands between this machine and the registry (npm config get registry) before you run it again.',
    );
  }
  if (/ ENOSPC\b/.test(words)) {
    return failure(
      'disk-full',
      `no room left to install ONNX Runtime:\n  ${words}`,
      'Free 500 MB and run it again.',
    );
  }
  if (/ EBADPLATFORM\b/.test(words)) return unsupported(words);
  return failure(
    'onnxruntime-unavailable',
    `npm could not install ONNX Runtime:\n  ${words}`,
    `See that this machine reaches the registry that "npm config get registry" names, ${BY_HAND}.`,
  );
}

function missing(program: string, cause: unknown): Error {
  return failure(
    'npm-missing',
    `${program} cannot be run, and ONNX Runtime is not installed yet`,
    `Install Node with npm on this machine, ${BY_HAND}.`,
    { cause },
  );
}

function unsupported(words: string): Error {
  return failure(
    'onnxruntime-unsupported',
    `ONNX Runtime does not run on this machine (${process.platform}-${process.arch}):\n  ${words}`,
    'Use a runner with Linux (glibc, so not Alpine) on x64 or arm64, or with macOS on arm64.',
  );
}
