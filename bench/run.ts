import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { trackProcesses } from '../src/cli/quickstart/processes.ts';
import { printError } from '../src/cli/run-verb.ts';
import { failure, messageOf, misuse } from '../src/errors.ts';
import download from './download.ts';
import evaluate from './evaluate.ts';
import install from './install.ts';
import type { Benchmark, Measured, Run } from './parts/benchmark.ts';
import { watchOthers } from './parts/others.ts';
import { asText, machineLine, othersLine, thisMachine } from './parts/print.ts';
import { PROGRAM } from './parts/program.ts';
import gate from './gate.ts';
import plan from './plan.ts';
import quickstart from './quickstart.ts';
import registry from './registry.ts';
import resume from './resume.ts';
import serving from './serving.ts';
import start from './start.ts';
import status from './status.ts';
import swap from './swap.ts';

/*
 * `npm run bench -- NAME`: measures one thing side by side with a peer. Exit 0 when it measured, 1 when something that
 * it measured was wrong, 2 for wrong usage.
 */
const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  start,
  status,
  plan,
  serving,
  swap,
  evaluate,
  gate,
  quickstart,
  registry,
  resume,
  download,
  install,
};

function list(): string {
  const lines = Object.entries(BENCHMARKS).map(([name, { about, defaults }]) => {
    const options = Object.entries(defaults).map(([option, value]) => `--${option} ${value}`);
    return `  ${name.padEnd(8)} ${about} [${options.join(' ')}]`;
  });
  return `npm run bench -- NAME [--json] [--profile FOLDER]\n${lines.join('\n')}`;
}

interface Asked {
  name: string;
  benchmark: Benchmark;
  numbers: Record<string, number>;
  json: boolean;
  profile: string | undefined;
}

function read([name = '', ...args]: readonly string[]): Asked {
  const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
  if (benchmark === undefined) throw misuse('benchmark-unknown', `there is no benchmark "${name}"`, list());
  try {
    const texts = Object.entries(benchmark.defaults).map(([option, value]) => [
      option,
      { type: 'string' as const, default: String(value) },
    ]);
    const options: ParseArgsOptionsConfig = {
      ...Object.fromEntries(texts),
      json: { type: 'boolean' },
      profile: { type: 'string' },
    };
    const { values } = parseArgs({ args: [...args], options });
    const numbers = Object.keys(benchmark.defaults).map((option): [string, number] => {
      const value = Number(values[option]);
      if (!(value > 0)) throw new Error(`--${option} ${String(values[option])} is not a number above 0`);
      return [option, value];
    });
    const profile = typeof values['profile'] === 'string' ? resolve(values['profile']) : undefined;
    return { name, benchmark, numbers: Object.fromEntries(numbers), json: values['json'] === true, profile };
  } catch (error) {
    throw misuse('usage', messageOf(error), list());
  }
}

/** Runs a benchmark with a scratch folder; afterwards neither the folder nor a process is left. */
async function measure({ benchmark, numbers, profile }: Asked): Promise<Measured> {
  if (process.platform !== 'linux') {
    throw misuse('linux-only', 'the benchmarks read /proc', 'Run them on Linux, in a container for example.');
  }
  if (!existsSync(PROGRAM))
    throw misuse('not-built', `there is no ${PROGRAM}`, 'Build it first: npm run build');
  const cancelled = new AbortController();
  const { signal } = cancelled;
  const cancel = () => cancelled.abort(failure('cancelled', 'cancelled', 'Run it again.'));
  process.once('SIGINT', cancel).once('SIGTERM', cancel);
  const processes = trackProcesses(signal);
  const scratch = await mkdtemp(join(tmpdir(), 'edgeloop-bench-'));
  const run: Run = {
    scratch,
    processes,
    signal,
    ...(profile === undefined ? {} : { profile }),
    progress(line) {
      signal.throwIfAborted();
      process.stderr.write(`... ${line}\n`);
    },
  };
  const aborted = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );
  const measuring = benchmark.measure(run, numbers);
  try {
    return await Promise.race([measuring, aborted]);
  } finally {
    await processes.endAll();
    // Without its processes a cancelled one fails soon; until then it may still write.
    await measuring.catch(() => undefined);
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function main(args: readonly string[]): Promise<number> {
  if (args.length === 0) {
    console.log(list());
    return 0;
  }
  const json = args.includes('--json');
  try {
    const asked = read(args);
    const machine = thisMachine();
    if (!json) console.log(machineLine(machine));
    const others = await watchOthers();
    const measured = await measure(asked);
    const share = await others();
    const { json: figures, wrong, notes } = measured;
    notes.push(othersLine(share));
    console.log(
      json
        ? JSON.stringify({ benchmark: asked.name, machine, othersShare: share, ...figures, wrong })
        : `\n${asText(measured)}`,
    );
    return wrong.length === 0 ? 0 : 1;
  } catch (error) {
    return printError(error, json);
  }
}

process.exitCode = await main(process.argv.slice(2));
