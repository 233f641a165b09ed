import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type CommonOptions, type Outcome, runVerb } from '../run-verb.ts';
import { liveScreen } from './live-screen.ts';
import { createNarrator, type Narrator, type Screen } from './narrator.ts';
import { plainScreen } from './plain-screen.ts';
import { trackProcesses } from './processes.ts';
import { tellStory } from './story.ts';
import { facts, page } from './summary.ts';
import type { Traffic } from './stage.ts';
import { noTraffic, tally } from './traffic.ts';

/** `edgeloop quickstart`: the whole loop in a scratch folder, with real processes and a load that checks every answer. */
export default function quickstart(options: CommonOptions & { workdir?: string }): Promise<void> {
  return runVerb(options, async ({ cwd, signal }): Promise<Outcome> => {
    const began = performance.now();
    // With --json stdout belongs to the result.
    const out = options.json === true ? process.stderr : process.stdout;
    const workdir = await createWorkdir(
      options.workdir === undefined ? undefined : resolve(cwd, options.workdir),
    );
    out.write(`Everything of this run lies in ${workdir}\n\n`);
    const traffic = noTraffic();
    const narrator = createNarrator(screenOn(out, traffic));
    const processes = trackProcesses(signal);
    try {
      const project = join(workdir, 'churn');
      const program = resolve(process.argv[1] ?? '');
      const result = await tellStory({ project, program, processes, narrator, traffic, signal });
      const ok = result.load.failed === 0;
      const run = {
        ok,
        seconds: tenths((performance.now() - began) / 1000),
        workdir,
        steps: stepsOf(narrator, ok),
      };
      return { json: facts(run, result), text: page(run, result), exitCode: ok ? 0 : 1 };
    } catch (error) {
      // Ctrl-C in a terminal ends the children too: what fails then is no news.
      signal.throwIfAborted();
      throw error;
    } finally {
      narrator.end(false);
      await processes.endAll();
    }
  });
}

/** A new, empty folder for one run. */
async function createWorkdir(given: string | undefined): Promise<string> {
  if (given === undefined) return mkdtemp(join(tmpdir(), 'edgeloop-quickstart-'));
  await mkdir(given, { recursive: true });
  return given;
}

/** Only what is written to a terminal that can move its cursor is redrawn. */
function screenOn(out: NodeJS.WriteStream, traffic: Traffic): Screen {
  const current = () => tally(traffic);
  const redraws = out === process.stdout && out.isTTY === true && process.env['TERM'] !== 'dumb';
  return redraws ? liveScreen(out, current) : plainScreen((text) => out.write(text), current);
}

function stepsOf(narrator: Narrator, ok: boolean): { title: string; seconds: number }[] {
  return narrator.end(ok).map(({ title, seconds }) => ({ title, seconds: tenths(seconds()) }));
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
