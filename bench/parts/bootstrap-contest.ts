import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { seededRandom } from '../../src/evaluation/random.ts';
import { TRAINERS } from '../../test/tooling/trainers.ts';
import type { Run, Table } from './benchmark.ts';
import { ask } from './evaluation-program.ts';
import { median } from './statistics.ts';

const BUDGET_SECONDS = 2;
/** scikit-learn needs minutes for all of them; its time for each is the same. */
const PEER_RESAMPLES = 20;
/** The same of all metrics at once, which no budget is set for. */
const ALL_RESAMPLES = 200;

const comparedSchema = z.object({
  seconds: z.number(),
  interval: z.object({ lower: z.number(), upper: z.number() }),
});
const ownComparedSchema = comparedSchema.extend({ peakMb: z.number(), metrics: z.int() });

interface Size {
  rows: number;
  resamples: number;
  runs: number;
}

/** Candidate against champion by AUC, beside scikit-learn where it is installed, and by all metrics at once. */
export async function measureBootstrap(run: Run, { rows, resamples, runs }: Size) {
  const folder = join(run.scratch, 'bootstrap');
  await mkdir(folder);
  await writePredictions(folder, rows);
  const python = join(TRAINERS.folder, 'bin/python');
  const own: z.infer<typeof ownComparedSchema>[] = [];
  const peer: z.infer<typeof comparedSchema>[] = [];
  const compare = (count: number, metrics: string) =>
    ask(run, ownComparedSchema, [
      'evaluation-process.ts',
      'bootstrap',
      folder,
      String(rows),
      String(count),
      metrics,
    ]);
  for (let index = 0; index < runs; index += 1) {
    run.progress(`paired bootstrap of ${rows.toLocaleString('en')} rows: run ${index + 1} of ${runs}`);
    own.push(await compare(resamples, 'auc'));
    if (!existsSync(python)) continue;
    const args = ['bootstrap-peer.py', folder, String(PEER_RESAMPLES)];
    peer.push(await ask(run, comparedSchema, args, python));
  }
  const all = await compare(ALL_RESAMPLES, 'all');
  await rm(folder, { recursive: true });
  const [one, other] = [own[0], peer[0]];
  const apart =
    one && other && Math.abs(middle(one) - middle(other)) > one.interval.upper - one.interval.lower;
  return {
    own,
    all,
    peer: peer.length === 0 ? undefined : peer,
    wrong: apart === true ? ['bootstrap: the intervals of the peer lie elsewhere'] : [],
  };
}

/** Twenty resamples say roughly where an interval lies. */
const middle = ({ interval: { lower, upper } }: z.infer<typeof comparedSchema>) => (lower + upper) / 2;

/** Labels of which 15 % are 1, and two models that know them alike; little-endian doubles. */
async function writePredictions(folder: string, rows: number): Promise<void> {
  const draws = new Uint32Array(3 * rows);
  seededRandom(1)(draws);
  const uniform = (index: number) => (draws[index] ?? 0) / 2 ** 32;
  const labels = Float64Array.from({ length: rows }, (_, row) => (uniform(row) < 0.15 ? 1 : 0));
  const probabilities = (model: number) =>
    labels.map((label, row) => 0.3 * label + 0.7 * uniform(model * rows + row));
  await writeFile(join(folder, 'labels'), labels);
  await writeFile(join(folder, 'candidate'), probabilities(1));
  await writeFile(join(folder, 'champion'), probabilities(2));
}

export function bootstrapTable(
  { own, all, peer }: Awaited<ReturnType<typeof measureBootstrap>>,
  { rows, resamples, runs }: Size,
): Table {
  const seconds = median(own.map((each) => each.seconds));
  const scaled = (peer ?? []).map((each) => (each.seconds * resamples) / PEER_RESAMPLES);
  const ratio = median(scaled.map((each, index) => each / (own[index]?.seconds ?? NaN)));
  const peak = Math.max(...own.map(({ peakMb }) => peakMb));
  return {
    title: `paired bootstrap: ${resamples} resamples of ${rows.toLocaleString('en')} rows, medians of ${runs} runs`,
    head: ['', 'seconds', 'peak MB', 'ratio', 'budget'],
    rows: [
      [
        'auc',
        seconds.toFixed(2),
        peak.toFixed(0),
        '',
        `<= ${BUDGET_SECONDS} s: ${seconds <= BUDGET_SECONDS ? 'held' : 'MISSED'}`,
      ],
      ...(peer === undefined
        ? []
        : [['auc with scikit-learn, scaled', median(scaled).toFixed(1), '', `${ratio.toFixed(1)}x`, '']]),
      [
        `all ${all.metrics} metrics, scaled`,
        ((all.seconds * resamples) / ALL_RESAMPLES).toFixed(1),
        all.peakMb.toFixed(0),
        '',
        '',
      ],
    ],
  };
}
