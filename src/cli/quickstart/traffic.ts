import { join } from 'node:path';
import { failure } from '../../errors.ts';
import { http } from '../../http.ts';
import { latencyAt, dueIn, type LoadFigures, summarise, tallyOf, type Tally } from './figures.ts';
import { type Load, type Sample, startLoad } from './load.ts';
import { metadataSchema, requestBodies } from './rows.ts';
import { MODEL, pause, require, type Stage, type Swap, type Traffic } from './stage.ts';

const RATE_PER_SECOND = 250;
const AFTER_SWAP_MS = 500;
const LIMIT_MS = 15_000;

export function noTraffic(): Traffic {
  return { expected: new Map(), loads: [], running: false, steady: [], swaps: [] };
}

/** Sends the holdout's rows to an agent from now on; resolves when `version` has answered. */
export async function beginLoad(stage: Stage, url: string, version: string): Promise<void> {
  const { traffic, project, narrator } = stage;
  const { body } = await http(`${url}/v2/models/${MODEL}`);
  const bodies = await requestBodies(
    join(project, 'data/holdout.csv'),
    metadataSchema.parse(JSON.parse(body.toString())),
  );
  const load = startLoad(`${url}/v2/models/${MODEL}/infer`, bodies, RATE_PER_SECOND, traffic.expected);
  traffic.loads.push(load);
  traffic.running = true;
  await seen(stage, load, version);
  narrator.tell('load', `${RATE_PER_SECOND} requests per second from now on, each answer checked`);
}

/** Sends no more; resolves when everything that was sent has its answer. */
export async function endLoad({ traffic }: { traffic: Traffic }): Promise<void> {
  await traffic.loads.at(-1)?.stop();
  traffic.running = false;
}

/** Lets the load run while nothing else does. */
export async function quiet(stage: Stage, ms: number): Promise<void> {
  const from = performance.now();
  stage.narrator.doing('measuring the load while nothing else runs');
  await pause(stage, ms);
  stage.traffic.steady.push({ from, to: performance.now() });
}

/**
 * Does what makes `version` answer, waits for its first answer, and checks that every request that was due after `act`
 * ended was answered by it.
 */
export async function swapTo<T>(
  stage: Stage,
  { version, by }: Pick<Swap, 'version' | 'by'>,
  act: () => Promise<T>,
): Promise<{ did: T; swapMs: number }> {
  const { traffic } = stage;
  const from = performance.now();
  const [sample, { did, ended }] = await Promise.all([
    seen(stage, currentLoad(traffic), version),
    act().then((result) => ({ did: result, ended: performance.now() })),
  ]);
  const answered = sample.due + sample.latency;
  await pause(stage, AFTER_SWAP_MS);
  requireOnly(traffic, version, ended);
  const swapMs = answered - from;
  traffic.swaps.push({ version, by, swapMs, span: { from, to: answered + AFTER_SWAP_MS } });
  return { did, swapMs };
}

/** Checks that nothing but `version` answered what was due since then. */
export function requireOnly(traffic: Traffic, version: string, since: number): void {
  const other = samplesOf(traffic).find((sample) => sample.due > since && sample.version !== version);
  require(other === undefined, `${other?.version} answered where ${version} should: ${other?.failure ?? ''}`);
}

/** The load so far; undefined before it begins. */
export function tally(traffic: Traffic): Tally | undefined {
  if (traffic.loads.length === 0) return undefined;
  return tallyOf(samplesOf(traffic), { now: performance.now(), running: traffic.running });
}

/** Figures of the whole run, and why requests failed, each reason once. */
export function figuresOf(traffic: Traffic): {
  load: LoadFigures;
  swaps: (Omit<Swap, 'span'> & { p99Ms: number })[];
  failures: string[];
} {
  const samples = samplesOf(traffic);
  const spans = traffic.swaps.map(({ span }) => span);
  return {
    load: summarise(samples, traffic.steady, spans),
    swaps: traffic.swaps.map(({ version, by, swapMs, span }) => ({
      version,
      by,
      swapMs: Math.round(swapMs),
      p99Ms: latencyAt(dueIn(samples, [span]), 0.99),
    })),
    failures: [...new Set(samples.flatMap((sample) => sample.failure ?? []))],
  };
}

function samplesOf(traffic: Traffic): Sample[] {
  return traffic.loads.flatMap(({ samples }) => samples);
}

function currentLoad({ loads }: Traffic): Load {
  const load = loads.at(-1);
  if (load === undefined) throw new Error('no load runs yet');
  return load;
}

async function seen({ signal }: Stage, load: Load, version: string): Promise<Sample> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  try {
    return await load.seen(version, AbortSignal.any([signal, limit]));
  } catch (error) {
    if (!limit.aborted) throw error;
    const reasons = new Set(load.samples.slice(-100).flatMap((sample) => sample.failure ?? []));
    throw failure(
      'quickstart-failed',
      `no answer of version ${version} in ${LIMIT_MS / 1000} s${[...reasons].map((reason) => `\n  ${reason}`).join('')}`,
      'This is not what the quickstart promises: please report it.',
    );
  }
}
