import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Benchmark, Run } from './parts/benchmark.ts';
import { prepareChurn } from './parts/churn-project.ts';
import { DIST, PROGRAM } from './parts/program.ts';
import { median } from './parts/statistics.ts';

const BUDGET = { seconds: 0.1, distMegabytes: 0.8 };

interface Started {
  command: string;
  seconds: number;
  /** Of the pairs: how much longer it took than `node -e 0` just before or after it. */
  overBareSeconds: number;
  ratio: number;
}

/** How long the command line takes to start and answer, and how large the built programs are. */
export default {
  about: 'process start of the command line against bare Node, and the size of dist',
  defaults: { pairs: 15 },
  async measure(run: Run, { pairs }: { pairs: number }) {
    run.progress(`${pairs} pairs of each command`);
    const project = await prepareChurn(run);
    const commands = [['--version'], ['--help'], ['plan', 'churn']];
    const started = await timeAll(run, project, commands, pairs);
    const bare = started.bare;
    const sizes = await distSizes();
    const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
    return {
      tables: [
        {
          title: `start: medians of ${pairs} interleaved pairs`,
          head: ['command', 'seconds', 'over bare Node', 'ratio', 'budget'],
          rows: [
            ['node -e 0', bare.toFixed(3), '', '', ''],
            ...started.commands.map(({ command, seconds, overBareSeconds, ratio }) => [
              `edgeloop ${command}`,
              seconds.toFixed(3),
              `+${overBareSeconds.toFixed(3)}`,
              `${ratio.toFixed(2)}x`,
              verdict(seconds, BUDGET.seconds, 's'),
            ]),
          ],
        },
        {
          title: `dist: ${sizes.length} files`,
          head: ['', 'MB', 'budget'],
          rows: [
            ['all', total.toFixed(3), verdict(total, BUDGET.distMegabytes, 'MB without Azure')],
            ...sizes.slice(0, 3).map(({ name, bytes }) => [name, (bytes / 1e6).toFixed(3), '']),
          ],
        },
      ],
      notes: ['`plan` runs in the churn example, in git, with nothing trained.'],
      json: { bareSeconds: bare, commands: started.commands, dist: { megabytes: total, files: sizes } },
      wrong: [],
    };
  },
} satisfies Benchmark;

async function timeAll(run: Run, cwd: string, commands: readonly string[][], pairs: number) {
  const time = async (args: readonly string[]) => {
    const began = performance.now();
    await run.processes.run(process.execPath, args, { cwd });
    return (performance.now() - began) / 1000;
  };
  const bareTimes: number[] = [];
  const measured = commands.map((args) => ({ args, pairs: [] as { bare: number; own: number }[] }));
  for (let round = 0; round < pairs; round += 1) {
    for (const command of measured) {
      const own = () => time([PROGRAM, ...command.args]);
      const bare = () => time(['-e', '0']);
      // Whatever the first of two has of it, the other one has as often.
      const pair =
        round % 2 === 0
          ? { bare: await bare(), own: await own() }
          : await own().then(async (seconds) => ({ own: seconds, bare: await bare() }));
      bareTimes.push(pair.bare);
      command.pairs.push(pair);
    }
  }
  return {
    bare: median(bareTimes),
    commands: measured.map(({ args, pairs: each }): Started => ({
      command: args.join(' '),
      seconds: median(each.map(({ own }) => own)),
      overBareSeconds: median(each.map(({ own, bare }) => own - bare)),
      ratio: median(each.map(({ own, bare }) => own / bare)),
    })),
  };
}

/** The built files, the largest first. */
async function distSizes(): Promise<{ name: string; bytes: number }[]> {
  const names = await readdir(DIST);
  const sizes = await Promise.all(
    names.map(async (name) => ({ name, bytes: (await stat(join(DIST, name))).size })),
  );
  return sizes.toSorted((a, b) => b.bytes - a.bytes);
}

const verdict = (value: number, budget: number, unit: string): string =>
  `<= ${budget} ${unit}: ${value <= budget ? 'held' : 'MISSED'}`;
