import { readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Benchmark, Run } from './parts/benchmark.ts';
import { prepareChurn } from './parts/churn-project.ts';
import { DIST, PROGRAM } from './parts/program.ts';
import { median } from './parts/statistics.ts';

const BUDGET = { seconds: 0.1, actionSeconds: 0.15, distMegabytes: 3.5, actionMegabytes: 0.8 };
const ACTIONS = ['plan', 'retrain', 'release', 'rollout', 'verify'];

interface Command {
  name: string;
  args: string[];
  /** Exit code. */
  expected: number;
  budget: number;
}

interface Started {
  command: string;
  seconds: number;
  /** Of the pairs: how much longer it took than `node -e 0` just before or after it. */
  overBareSeconds: number;
  ratio: number;
  budget: number;
}

/** How long the command line and the actions take to start and answer, and how large the built programs are. */
export default {
  about: 'process start of the command line and the actions against bare Node, and the size of dist',
  defaults: { pairs: 15 },
  async measure(run: Run, { pairs }: { pairs: number }) {
    run.progress(`${pairs} pairs of each command`);
    const project = await prepareChurn(run);
    const started = await timeAll(run, project, commands(), pairs);
    const bare = started.bare;
    const sizes = await distSizes();
    const entries = ACTIONS.map((action) => ({ action, bytes: loadableBytes(`action-${action}.js`) }));
    const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
    return {
      tables: [
        {
          title: `start: medians of ${pairs} interleaved pairs`,
          head: ['command', 'seconds', 'over bare Node', 'ratio', 'budget'],
          rows: [
            ['node -e 0', bare.toFixed(3), '', '', ''],
            ...started.commands.map(({ command, seconds, overBareSeconds, ratio, budget }) => [
              command,
              seconds.toFixed(3),
              `+${overBareSeconds.toFixed(3)}`,
              `${ratio.toFixed(2)}x`,
              verdict(seconds, budget, 's'),
            ]),
          ],
        },
        {
          title: `dist: ${sizes.length} files`,
          head: ['', 'MB', 'budget'],
          rows: [
            ['all', total.toFixed(3), verdict(total, BUDGET.distMegabytes, 'MB')],
            ...sizes.slice(0, 3).map(({ name, bytes }) => [name, (bytes / 1e6).toFixed(3), '']),
          ],
        },
        {
          title: 'what an action can load of it without Azure',
          head: ['action', 'MB', 'budget'],
          rows: entries.map(({ action, bytes }) => [
            action,
            (bytes / 1e6).toFixed(3),
            verdict(bytes / 1e6, BUDGET.actionMegabytes, 'MB'),
          ]),
        },
      ],
      notes: [
        '`plan` runs in the churn example, in git, with nothing trained; action `retrain` tells that its input is missing.',
      ],
      json: {
        bareSeconds: bare,
        commands: started.commands,
        dist: { megabytes: total, files: sizes, actions: entries },
      },
      wrong: [],
    };
  },
} satisfies Benchmark;

function commands(): Command[] {
  const verbs = [['--version'], ['--help'], ['plan', 'churn']];
  return [
    ...verbs.map((args) => ({
      name: `edgeloop ${args.join(' ')}`,
      args: [PROGRAM, ...args],
      expected: 0,
      budget: BUDGET.seconds,
    })),
    { name: 'action plan', args: [join(DIST, 'action-plan.js')], expected: 0, budget: BUDGET.actionSeconds },
    {
      name: 'action retrain',
      args: [join(DIST, 'action-retrain.js')],
      expected: 2,
      budget: BUDGET.actionSeconds,
    },
  ];
}

async function timeAll(run: Run, cwd: string, timed: readonly Command[], pairs: number) {
  const time = async (args: readonly string[], expected = 0) => {
    const began = performance.now();
    await run.processes.run(process.execPath, args, { cwd, expected });
    return (performance.now() - began) / 1000;
  };
  const bareTimes: number[] = [];
  const measured = timed.map((command) => ({ command, pairs: [] as { bare: number; own: number }[] }));
  for (let round = 0; round < pairs; round += 1) {
    for (const { command, pairs: each } of measured) {
      const own = () => time(command.args, command.expected);
      const bare = () => time(['-e', '0']);
      // Whatever the first of two has of it, the other one has as often.
      const pair =
        round % 2 === 0
          ? { bare: await bare(), own: await own() }
          : await own().then(async (seconds) => ({ own: seconds, bare: await bare() }));
      bareTimes.push(pair.bare);
      each.push(pair);
    }
  }
  return {
    bare: median(bareTimes),
    commands: measured.map(({ command, pairs: each }): Started => ({
      command: command.name,
      budget: command.budget,
      seconds: median(each.map(({ own }) => own)),
      overBareSeconds: median(each.map(({ own, bare }) => own - bare)),
      ratio: median(each.map(({ own, bare }) => own / bare)),
    })),
  };
}

/** Of an entry and of all that it imports, also of what it imports only when it is needed, but for Azure's SDKs. */
function loadableBytes(entry: string, seen = new Set<string>()): number {
  if (seen.has(entry) || entry.startsWith('azure-')) return 0;
  seen.add(entry);
  const text = readFileSync(join(DIST, entry), 'utf8');
  const imported = text.matchAll(/(?:\bfrom|\bimport\(?)\s*["'`]\.\/([^"'`]+\.js)["'`]/g);
  return [...imported].reduce(
    (sum, [, file = '']) => sum + loadableBytes(file, seen),
    Buffer.byteLength(text),
  );
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
