import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InputError } from './csv.ts';
import { fit } from './fit.ts';
import { onnxModel } from './onnx.ts';
import { readTable } from './table.ts';

const USAGE =
  'usage: node training/train.ts --data DIR_OR_FILE --out DIR --trees N [--depth N] [--rate R]\n' +
  '       e.g. node training/train.ts --data data/train --out .edgeloop/by-hand --trees 120\n';

/** Thrown for arguments that cannot be used. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command line as the training understands it. */
interface Arguments {
  data: string;
  out: string;
  trees: number;
  depth: number;
  rate: number;
}

function readArguments(args: string[]): Arguments {
  const { data, out, trees, depth, rate } = parse(args);
  if (data === undefined || out === undefined || trees === undefined) {
    throw new UsageError('--data, --out and --trees are needed');
  }
  return {
    data,
    out,
    trees: numberOf('--trees', trees, { least: 1, most: 10_000, whole: true }),
    depth: numberOf('--depth', depth, { least: 1, most: 12, whole: true }),
    rate: numberOf('--rate', rate, { least: 0.001, most: 1, whole: false }),
  };
}

function parse(args: string[]) {
  try {
    const text = { type: 'string' } as const;
    const options = {
      data: text,
      out: text,
      trees: text,
      depth: { ...text, default: '4' },
      rate: { ...text, default: '0.1' },
    };
    return parseArgs({ args, options }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function numberOf(option: string, text: string, is: { least: number; most: number; whole: boolean }): number {
  const number = text.trim() === '' ? NaN : Number(text);
  if (number >= is.least && number <= is.most && (Number.isInteger(number) || !is.whole)) return number;
  const kind = is.whole ? 'a whole number' : 'a number';
  throw new UsageError(
    `${option} is ${JSON.stringify(text)}, expected ${kind} from ${is.least} to ${is.most}`,
  );
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function train({ data, out, ...settings }: Arguments): void {
  const table = readTable(data, (name, rows) => say(`${name}: ${rows} rows`));
  const model = fit(table, settings, (trees, logLoss) => {
    if (trees % 20 === 0 || trees === settings.trees) say(`${trees} trees: log loss ${logLoss.toFixed(4)}`);
  });

  const bytes = onnxModel(model);
  const file = join(out, 'model.onnx');
  mkdirSync(out, { recursive: true });
  writeFileSync(`${file}.partial`, bytes);
  renameSync(`${file}.partial`, file); // so that a model.onnx that exists is a whole one
  say(`${file}: ${bytes.length} bytes`);
}

try {
  train(readArguments(process.argv.slice(2)));
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n${USAGE}`);
    process.exitCode = 2;
  } else if (error instanceof InputError || (error instanceof Error && 'syscall' in error)) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
