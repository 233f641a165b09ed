import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { field, object, text } from './answer.ts';
import type { Assets } from './assets.ts';
import type { Blobs } from './blobs.ts';
import type { Job, RunError } from './job.ts';

export interface CommandWork {
  command: string;
  codeId: string | undefined;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
  environmentVariables: Record<string, unknown>;
  timeoutMs: number | undefined;
}

export interface Compute {
  blobs: Blobs;
  assets: Assets;
  /** Further folders of the training's PATH: what its environment has installed. */
  path: string[];
}

/** Where an output goes when a job does not say. */
export function outputUri(job: string, name: string, output: unknown): string {
  const given = text(field(output, 'uri')) ?? '${{default}}';
  return given
    .replace(
      '${{default}}',
      'azureml://datastores/workspaceblobstore/paths/azureml/${{name}}/${{output_name}}',
    )
    .replaceAll('${{name}}', job)
    .replaceAll('${{output_name}}', name)
    .replaceAll('${{default_datastore}}', 'workspaceblobstore');
}

/** Runs a command as Azure ML does: code and data of the storage account in a folder of its own, and nothing of ours. */
export async function runCommand(
  work: CommandWork,
  job: Job,
  { blobs, assets, path }: Compute,
): Promise<RunError | undefined> {
  const sandbox = await mkdtemp(join(tmpdir(), 'edgeloop-azureml-job-'));
  try {
    const code = join(sandbox, 'code');
    await mkdir(code, { recursive: true });
    const values: Record<string, string> = {};
    const environment: Record<string, string> = {};
    try {
      if (work.codeId !== undefined) await blobs.fetch(codeUri(assets, work.codeId), 'uri_folder', code);
      for (const [name, input] of Object.entries(work.inputs)) {
        const value = await bringInput(blobs, join(sandbox, 'inputs', name), input);
        if (value === undefined) continue;
        values[`inputs.${name}`] = value;
        values[`search_space.${name}`] = value;
        environment[`AZURE_ML_INPUT_${name}`] = value;
      }
    } catch (error) {
      const { message } = error instanceof Error ? error : new Error(String(error));
      job.say(`${message}\n`);
      return { code: 'ScriptExecution.StreamAccess.NotFound', message };
    }
    for (const [name, output] of Object.entries(work.outputs)) {
      const folder = join(sandbox, 'outputs', name);
      await mkdir(folder, { recursive: true });
      values[`outputs.${name}`] = isFile(output) ? join(folder, name) : folder;
    }
    const status = await execute(work, job, {
      command: rendered(work.command, values),
      cwd: code,
      env: {
        // Nothing of the process that started this: what a training needs comes from its environment.
        PATH: [...path, dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
        HOME: sandbox,
        AZUREML_RUN_ID: job.name,
        ...environment,
        ...strings(work.environmentVariables),
      },
    });
    if (job.abort.signal.aborted) return undefined;
    job.status = 'Finalizing';
    for (const [name, output] of Object.entries(work.outputs))
      await (isFile(output) ? blobs.storeFile : blobs.store)(
        values[`outputs.${name}`] ?? '',
        outputUri(job.name, name, output),
      );
    if (status === 0) return undefined;
    return {
      code: 'UserError',
      message: `Execution failed. User process 'sh' exited with status code ${status}. Please check log file 'user_logs/std_log.txt' for error details.`,
    };
  } finally {
    await rm(sandbox, { recursive: true, force: true });
  }
}

const isFile = (output: unknown): boolean => field(output, 'jobOutputType') === 'uri_file';

function codeUri(assets: Assets, codeId: string): string {
  const [, name = '', version = ''] =
    /\/codes\/([^/]+)\/versions\/([^/]+)$/.exec(codeId) ?? /^azureml:([^/:]+):([^/]+)$/.exec(codeId) ?? [];
  const uri = text(assets.version('codes', name, version)?.properties['codeUri']);
  if (uri === undefined) throw new Error(`there is no code ${codeId}`);
  return uri;
}

async function bringInput(blobs: Blobs, folder: string, input: unknown): Promise<string | undefined> {
  const type = text(field(input, 'jobInputType')) ?? 'literal';
  if (type === 'literal') return text(field(input, 'value'));
  const uri = text(field(input, 'uri'));
  if (uri === undefined || field(input, 'mode') === 'Direct') return uri;
  return blobs.fetch(uri, type, folder);
}

/** `${{inputs.x}}` by its value, without quotes; `$[[…]]` only where its inputs are there. */
function rendered(command: string, values: Record<string, string>): string {
  const placeholder = /\$\{\{\s*((?:inputs|outputs|search_space)\.[\w-]+)\s*\}\}/g;
  return command
    .replace(/\$\[\[(.*?)\]\]/gs, (_, part: string) =>
      [...part.matchAll(placeholder)].every(([, name = '']) => name in values) ? part : '',
    )
    .replace(placeholder, (whole, name: string) => values[name] ?? whole);
}

function strings(values: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(object(values)).map(([key, value]) => [key, String(value)]));
}

/** The exit status; a job that is cancelled, or has had its time, is killed with all that it has started. */
async function execute(
  { timeoutMs }: CommandWork,
  job: Job,
  { command, cwd, env }: { command: string; cwd: string; env: Record<string, string> },
): Promise<number> {
  const { signal } = job.abort;
  if (signal.aborted) return 1;
  const child = spawn('/bin/sh', ['-c', command], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.on('data', job.say);
  child.stderr.on('data', job.say);
  const kill = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };
  signal.addEventListener('abort', kill);
  // As Azure does it: a job that has had its time is cancelled.
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => job.abort.abort(), timeoutMs);
  const [status]: (number | null)[] = await once(child, 'close');
  clearTimeout(timer);
  signal.removeEventListener('abort', kill);
  return status ?? 137;
}
