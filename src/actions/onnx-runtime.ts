import { hash, randomBytes } from 'node:crypto';
import { cp, glob, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { isSystemError } from '../errors.ts';
import type { Log } from '../loop/workspace.ts';
import { ownerIsGone, ownerName } from '../process-owner.ts';
import { storageFailure } from '../storage-failure.ts';
import { installLocked, requireLoadable } from './npm-ci.ts';

export interface OnnxRuntimeDeps {
  environment: NodeJS.ProcessEnv;
  log: Log;
  signal: AbortSignal;
  /** Where our package.json and package-lock.json lie. */
  packageRoot: string;
}

/** Written last: SHA-256 of every file by its path in the folder. */
const MARKER = 'files.json';
/** No install takes as long, so whatever is older was left by one that was killed. */
const LONGEST_INSTALL_MS = 24 * 3_600_000;

/**
 * Sees to it that session hosts find ONNX Runtime where the action was checked out without `node_modules`, and returns
 * what they need in their environment: nothing when it is there already, else the copy of our lock's version in the
 * runner's tool cache, which is installed first if it is not there. Throws `npm-missing`, `onnxruntime-altered`,
 * `onnxruntime-unavailable`, `onnxruntime-unsupported`, `disk-full`, `not-writable` or the signal's reason.
 */
export async function ensureOnnxRuntime(deps: OnnxRuntimeDeps): Promise<{ EDGELOOP_ONNXRUNTIME?: string }> {
  const { environment, packageRoot } = deps;
  if (environment['EDGELOOP_ONNXRUNTIME'] || isInstalled(packageRoot)) return {};
  const version = await lockedVersion(packageRoot);
  const cache =
    environment['RUNNER_TOOL_CACHE'] || environment['RUNNER_TEMP'] || join(homedir(), '.cache/edgeloop');
  const folder = join(cache, 'edgeloop-onnxruntime', version, `${process.platform}-${process.arch}`);
  if (!(await isWhole(folder))) await install(folder, version, deps);
  return { EDGELOOP_ONNXRUNTIME: folder };
}

function isInstalled(packageRoot: string): boolean {
  try {
    createRequire(join(packageRoot, 'package.json')).resolve('onnxruntime-node');
    return true;
  } catch (error) {
    if (isSystemError(error, 'MODULE_NOT_FOUND')) return false;
    throw error;
  }
}

const lockSchema = z.looseObject({
  packages: z.looseObject({ 'node_modules/onnxruntime-node': z.looseObject({ version: z.string() }) }),
});

async function lockedVersion(packageRoot: string): Promise<string> {
  const lock: unknown = JSON.parse(await readFile(join(packageRoot, 'package-lock.json'), 'utf8'));
  return lockSchema.parse(lock).packages['node_modules/onnxruntime-node'].version;
}

async function install(folder: string, version: string, deps: OnnxRuntimeDeps): Promise<void> {
  const { log, packageRoot, signal } = deps;
  const started = performance.now();
  log('info', `installing ONNX Runtime ${version} with npm`, { folder });
  const unfinished = besides(folder);
  try {
    await clearLeftovers(folder);
    await mkdir(unfinished, { recursive: true });
    for (const file of ['package.json', 'package-lock.json'])
      await cp(join(packageRoot, file), join(unfinished, file));
    await installLocked(unfinished, deps);
    await keepThisPlatform(unfinished);
    await requireLoadable(unfinished, deps);
    await writeFile(join(unfinished, MARKER), JSON.stringify(await digestsIn(unfinished)));
    signal.throwIfAborted();
    await putInPlace(unfinished, folder);
  } catch (error) {
    throw storageFailure(error, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  log('info', `installed ONNX Runtime in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** A new name beside the folder that tells whose it is. */
function besides(folder: string): string {
  return `${folder}.${ownerName()}-${randomBytes(4).toString('hex')}`;
}

/** Removes what installs that were killed have left. */
async function clearLeftovers(folder: string): Promise<void> {
  const prefix = `${basename(folder)}.`;
  const names = await readdir(dirname(folder)).catch(() => []);
  for (const name of names.filter((found) => found.startsWith(prefix))) {
    const path = join(dirname(folder), name);
    const found = await stat(path).catch(() => undefined);
    // Whether the process of another container lives cannot be judged from here.
    const isOld = found !== undefined && found.mtimeMs < Date.now() - LONGEST_INSTALL_MS;
    if (isOld || ownerIsGone(name.slice(prefix.length))) await rm(path, { recursive: true, force: true });
  }
}

/** The package holds the binaries of five platforms, 290 MB; one is 46 MB. */
async function keepThisPlatform(folder: string): Promise<void> {
  const ours = join(process.platform, process.arch);
  for await (const path of glob('node_modules/onnxruntime-node/bin/*/*/*', { cwd: folder }))
    if (!path.endsWith(ours)) await rm(join(folder, path), { recursive: true });
}

/** Of two jobs that install at the same time, both use the copy that was there first. */
async function putInPlace(unfinished: string, folder: string): Promise<void> {
  try {
    return await rename(unfinished, folder);
  } catch (error) {
    if (!isSystemError(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  }
  if (await isWhole(folder)) return;
  const damaged = besides(folder);
  await rename(folder, damaged);
  await rename(unfinished, folder);
  await rm(damaged, { recursive: true, force: true });
}

/** Whether every file is there as it was installed. */
async function isWhole(folder: string): Promise<boolean> {
  try {
    const marker: unknown = JSON.parse(await readFile(join(folder, MARKER), 'utf8'));
    for (const [path, digest] of Object.entries(z.record(z.string(), z.string()).parse(marker)))
      if ((await digestOf(join(folder, path))) !== digest) return false;
    return true;
  } catch {
    // Missing, cut short, or not readable by this user: in each case it has to be installed.
    return false;
  }
}

async function digestsIn(folder: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for await (const entry of glob('**', { cwd: folder, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) digests[path.slice(folder.length + 1)] = await digestOf(path);
  }
  return digests;
}

async function digestOf(file: string): Promise<string> {
  return hash('sha256', await readFile(file));
}
