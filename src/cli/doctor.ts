import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import { type Check } from '../loop/doctor/check.ts';
import { examine } from '../loop/doctor/doctor.ts';
import { checkOf, openSweep } from '../loop/doctor/sweep.ts';
import { projectDeps } from './project.ts';
import { type CommonOptions, type Outcome, runVerb, type VerbContext } from './run-verb.ts';
import { wrap } from './wrap.ts';

interface DoctorOptions extends CommonOptions {
  sweep?: boolean;
  yes?: boolean;
}

const WIDTH = 100;
const STYLES = { ok: 'green', warn: 'yellow', fail: 'red', skipped: 'dim' } as const;

/** `edgeloop doctor [--sweep [--yes]]` */
export default function doctor(options: DoctorOptions): Promise<void> {
  return runVerb(options, async (context) => {
    if (options.sweep === true) return sweep(options, context);
    return outcomeOf(await examine(projectDeps(options, context)));
  });
}

async function sweep(options: DoctorOptions, context: VerbContext): Promise<Outcome> {
  const { jobs, cancel } = await openSweep(projectDeps(options, context));
  const left = jobs.filter(({ isLeft }) => isLeft).map(({ job }) => job);
  const checks = jobs.map(checkOf);
  const canAsk = process.stdin.isTTY && process.stdout.isTTY && options.json !== true;
  const nothing = jobs.length === 0 ? 'no job of ours is under way' : '';
  if (left.length === 0) return outcomeOf(checks, nothing);
  if (options.yes !== true) {
    if (!canAsk) return outcomeOf(checks);
    process.stdout.write(`${page(checks)}\n`);
    const answered = await ask(`Cancel ${left.map(({ name }) => name).join(', ')}? [y/N] `, context.signal);
    if (!/^y(es)?$/i.test(answered)) return outcomeOf([], 'nothing was cancelled');
  }
  const kept = jobs.filter(({ isLeft }) => !isLeft).map(checkOf);
  return outcomeOf([...kept, ...(await cancel(left))]);
}

async function ask(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // Takes Ctrl-C away from the terminal driver, and with it the signal that everything else waits for.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return (await terminal.question(question, { signal })).trim();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    terminal.close();
  }
}

function outcomeOf(checks: Check[], otherwise = ''): Outcome {
  const good = !checks.some(({ status }) => status === 'fail');
  return {
    json: { ok: good, checks },
    text: checks.length === 0 ? otherwise : page(checks),
    exitCode: good ? 0 : 1,
  };
}

/** A line for each check, and below it what can be done. */
function page(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ code }) => code.length));
  return checks
    .flatMap(({ code, status, message, mend }) => {
      const mark = styleText(STYLES[status], status.padEnd('skipped'.length));
      const indent = ' '.repeat('skipped'.length + width + 4);
      const [first = '', ...more] = message.split('\n').flatMap((line) => wrap(line, WIDTH - indent.length));
      // What is a command must stay in one line.
      const mends = (mend ?? '')
        .split('\n')
        .filter(Boolean)
        .flatMap((line) =>
          /^(az|git|npm|export|gh) /.test(line) ? [line] : wrap(line, WIDTH - indent.length),
        );
      return [
        `${mark}  ${code.padEnd(width)}  ${first}`,
        ...more.map((line) => `${indent}${line}`),
        ...mends.map((line) => `${indent}${styleText('dim', `> ${line}`)}`),
      ];
    })
    .join('\n');
}
