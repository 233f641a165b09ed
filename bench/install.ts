import { glob, lstat, mkdir, mkdtemp, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureOnnxRuntime } from '../src/actions/onnx-runtime.ts';
import type { Benchmark, Run } from './parts/benchmark.ts';
import { ROOT } from './parts/program.ts';
import { median } from './parts/statistics.ts';

const BUDGET = { reuseSeconds: 0.2 };

interface Round {
  plainSeconds: number;
  coldSeconds: number;
  warmSeconds: number;
  reuseSeconds: number;
  plainMegabytes: number;
  downloadMegabytes: number;
  copyMegabytes: number;
}

/** What ONNX Runtime costs an action on a runner that has no copy of it. */
export default {
  about: 'ONNX Runtime on a runner: installed into an empty tool cache, and used again',
  defaults: { rounds: 5 },
  async measure(run: Run, { rounds }: { rounds: number }) {
    const measured: Round[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      run.progress(`round ${round} of ${rounds}`);
      measured.push(await measureRound(run));
    }
    const of = (name: keyof Round) => median(measured.map((round) => round[name]));
    const seconds = (name: keyof Round) => of(name).toFixed(2);
    const megabytes = (name: keyof Round) => of(name).toFixed(0);
    const held = of('reuseSeconds') <= BUDGET.reuseSeconds ? 'held' : 'MISSED';
    return {
      tables: [
        {
          title: `ONNX Runtime: medians of ${rounds} rounds`,
          head: ['', 'seconds', 'MB on disk', 'budget'],
          rows: [
            ['npm ci, empty npm cache', seconds('plainSeconds'), megabytes('plainMegabytes'), ''],
            ['installed, empty npm cache', seconds('coldSeconds'), megabytes('copyMegabytes'), ''],
            ['installed, npm cache full', seconds('warmSeconds'), megabytes('copyMegabytes'), ''],
            ['used again', seconds('reuseSeconds'), '', `<= ${BUDGET.reuseSeconds} s: ${held}`],
          ],
        },
      ],
      notes: [`npm keeps ${megabytes('downloadMegabytes')} MB in its own cache.`],
      json: { rounds: measured },
      wrong: [],
    };
  },
} satisfies Benchmark;

async function measureRound(run: Run): Promise<Round> {
  const folder = await mkdtemp(join(run.scratch, 'round-'));
  const packageRoot = await bareFolder(folder, 'action');
  const npmCache = join(folder, 'npm');
  const plain = await bareFolder(folder, 'plain');
  const plainSeconds = await timed(async () => {
    const args = ['ci', '--omit=dev', '--ignore-scripts', '--cache', join(folder, 'npm-plain')];
    await run.processes.run('npm', args, { cwd: plain });
  });
  const ensure = (toolCache: string) =>
    timed(() =>
      ensureOnnxRuntime({
        environment: {
          ...process.env,
          RUNNER_TOOL_CACHE: join(folder, toolCache),
          npm_config_cache: npmCache,
        },
        log: () => undefined,
        signal: run.signal,
        packageRoot,
      }),
    );
  return {
    plainSeconds,
    coldSeconds: await ensure('tools-1'),
    warmSeconds: await ensure('tools-2'),
    reuseSeconds: await ensure('tools-2'),
    plainMegabytes: await megabytesIn(plain),
    downloadMegabytes: await megabytesIn(npmCache),
    copyMegabytes: await megabytesIn(join(folder, 'tools-2')),
  };
}

async function bareFolder(parent: string, name: string): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder);
  for (const file of ['package.json', 'package-lock.json'])
    await copyFile(join(ROOT, file), join(folder, file));
  return folder;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

async function megabytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for await (const path of glob('**', { cwd: folder })) {
    const found = await lstat(join(folder, path));
    if (found.isFile()) bytes += found.size;
  }
  return bytes / 1e6;
}
