import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { findTool } from '../../test/tooling/find.ts';
import { PROGRAM } from './program.ts';

export type ToolName = 'edgeloop' | 'crane' | 'oras' | 'oras push' | 'skopeo' | 'curl';

/** What one transfer starts from, and where it goes. */
export interface Transfer {
  /** The model's folder. */
  folder: string;
  /** The same model as an OCI image layout, which the others push. */
  layout: string;
  /** `127.0.0.1:PORT`. */
  host: string;
  repository: string;
  /** Where a pull puts what it gets; not there yet. */
  target: string;
  /** Of the weights' layer. */
  blob: string;
}

interface Tool {
  program: string;
  push?(transfer: Transfer): string[];
  pull?(transfer: Transfer): string[];
}

/** How each tool moves the same model; each writes what it pulls to the disk once. */
export const TOOLS: Readonly<Record<ToolName, Tool>> = {
  edgeloop: {
    program: process.execPath,
    push: ({ folder, host, repository }) => [PROGRAM, 'push', folder, `${host}/${repository}:latest`],
    pull: ({ target, host, repository }) => [PROGRAM, 'pull', `${host}/${repository}:latest`, target],
  },
  crane: {
    program: 'crane',
    push: ({ layout, host, repository }) => ['push', layout, `${host}/${repository}:latest`],
    pull: ({ target, host, repository }) => [
      'pull',
      '--format',
      'oci',
      `${host}/${repository}:latest`,
      target,
    ],
  },
  oras: {
    program: 'oras',
    push: ({ layout, host, repository }) => [
      'cp',
      '--no-tty',
      '--from-oci-layout',
      `${layout}:latest`,
      '--to-plain-http',
      `${host}/${repository}:latest`,
    ],
    pull: ({ target, host, repository }) => [
      'cp',
      '--no-tty',
      '--from-plain-http',
      `${host}/${repository}:latest`,
      '--to-oci-layout',
      `${target}:latest`,
    ],
  },
  // From the files themselves, as edgeloop does, of which nobody knows a digest yet.
  'oras push': {
    program: 'oras',
    push: ({ folder, host, repository }) => [
      'push',
      '--no-tty',
      '--plain-http',
      '--disable-path-validation',
      `${host}/${repository}:latest`,
      `${folder}/weights.bin`,
    ],
  },
  skopeo: {
    program: 'skopeo',
    push: ({ layout, host, repository }) => [
      'copy',
      '--quiet',
      '--preserve-digests',
      '--dest-tls-verify=false',
      `oci:${layout}:latest`,
      `docker://${host}/${repository}:latest`,
    ],
    pull: ({ target, host, repository }) => [
      'copy',
      '--quiet',
      '--preserve-digests',
      '--src-tls-verify=false',
      `docker://${host}/${repository}:latest`,
      `oci:${target}:latest`,
    ],
  },
  curl: {
    program: 'curl',
    pull: ({ target, host, repository, blob }) => [
      '--silent',
      '--fail',
      '--output',
      target,
      '--continue-at',
      '-',
      `http://${host}/v2/${repository}/blobs/${blob}`,
    ],
  },
};

/** The tools that are installed here. */
export function installedTools(): ToolName[] {
  const names: ToolName[] = ['edgeloop', 'crane', 'oras', 'oras push', 'skopeo', 'curl'];
  return names.filter((name) => name === 'edgeloop' || findTool(TOOLS[name].program) !== undefined);
}

export interface Ended {
  code: number | null;
  seconds: number;
  /** The most memory that it held, MB. */
  peakMegabytes: number;
  stderr: string;
}

/** Starts a tool; `ended` resolves when it is gone. */
export function startTool(name: ToolName, args: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const program = name === 'edgeloop' ? process.execPath : (findTool(TOOLS[name].program) ?? name);
  const { EDGELOOP_REGISTRY: _, ...env } = process.env;
  return startTimed(program, args, env);
}

/** Starts a program; `ended` resolves when it is gone. */
export function startTimed(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): { child: ChildProcess; ended: Promise<Ended> } {
  const began = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const finish = async (): Promise<Ended> => {
    const exit = once(child, 'exit').then(() => (performance.now() - began) / 1000);
    const peak = peakOf(child);
    const seconds = await exit;
    return { code: child.exitCode, seconds, peakMegabytes: await peak, stderr: stderr.slice(-500) };
  };
  return { child, ended: finish() };
}

/** The kernel keeps the highest resident size of a process for as long as it lives. */
async function peakOf(child: ChildProcess): Promise<number> {
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    const kibibytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
    if (kibibytes !== undefined) peak = Math.max(peak, (Number(kibibytes) * 1024) / 1e6);
    await sleep(10);
  }
  return peak;
}
