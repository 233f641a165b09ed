import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Benchmark, Run, Table } from './parts/benchmark.ts';
import { bootstrapTable, measureBootstrap } from './parts/bootstrap-contest.ts';
import { prepareChurn } from './parts/churn-project.ts';
import { ask } from './parts/evaluation-program.ts';
import { writeLargeHoldout } from './parts/large-holdout.ts';
import { ROOT } from './parts/program.ts';
import { median } from './parts/statistics.ts';

const BUDGET = { rowsPerSecond: 50_000, peakMb: 500 };

const scoredSchema = z.object({ rows: z.int(), mean: z.number(), seconds: z.number() });
const evaluatedSchema = z.object({
  rows: z.int(),
  outcome: z.string(),
  seconds: z.number(),
  peakMb: z.number(),
});

type Numbers = {
  runs: number;
  rows: number;
  'bootstrap-rows': number;
  resamples: number;
  'large-rows': number;
};

/** What judging a candidate costs on a large holdout. */
export default {
  about: 'scoring a holdout, the paired bootstrap, and a whole evaluation of a large holdout',
  defaults: {
    runs: 3,
    rows: 200_000,
    'bootstrap-rows': 100_000,
    resamples: 2000,
    'large-rows': 1_000_000,
  },
  async measure(run: Run, numbers: Numbers) {
    const model = await trainChurn(run);
    const scoring = await measureScoring(run, model, numbers);
    const size = { rows: numbers['bootstrap-rows'], resamples: numbers.resamples, runs: numbers.runs };
    const bootstrap = await measureBootstrap(run, size);
    const evaluation = await measureEvaluation(run, model, numbers['large-rows']);
    return {
      tables: [scoringTable(scoring, numbers), bootstrapTable(bootstrap, size), evaluationTable(evaluation)],
      notes: [...NOTES, ...(bootstrap.peer === undefined ? [NO_PEER] : [])],
      json: { scoring, bootstrap, evaluation },
      wrong: [...scoring.wrong, ...bootstrap.wrong],
    };
  },
} satisfies Benchmark;

const NOTES = [
  'Each figure is of a process of its own, without its start. The peer of scoring is csv-parse and onnxruntime-node in',
  'one process, which checks nothing. The holdout is that of the churn example, over and over.',
  "The peer of the bootstrap is numpy and scikit-learn's roc_auc_score, from fewer resamples.",
  'The whole evaluation scores the model twice, as candidate and as champion, and compares two metrics.',
];
const NO_PEER =
  'SCIKIT-LEARN IS NOT MEASURED: .tools/trainers is missing; `node test/tooling/install.ts` makes it.';

async function trainChurn(run: Run): Promise<string> {
  run.progress('the churn model is trained');
  const cwd = await prepareChurn(run);
  const out = join(run.scratch, 'model');
  const args = ['training/train.ts', '--data', 'data/train', '--out', out, '--trees', '120'];
  await run.processes.run(process.execPath, args, { cwd });
  return join(out, 'model.onnx');
}

async function largeHoldout(run: Run, rows: number): Promise<string> {
  const file = join(run.scratch, `holdout-${rows}.csv`);
  await writeLargeHoldout(join(ROOT, 'examples/churn/data/holdout.csv'), file, rows);
  return file;
}

async function measureScoring(run: Run, model: string, { runs, rows }: Numbers) {
  const holdout = await largeHoldout(run, rows);
  const megabytes = (await stat(holdout)).size / 1e6;
  const pairs: Record<'own' | 'bare', z.infer<typeof scoredSchema>>[] = [];
  for (let index = 0; index < runs; index += 1) {
    run.progress(`scoring ${rows.toLocaleString('en')} rows: run ${index + 1} of ${runs}`);
    const scoreOwn = () => ask(run, scoredSchema, ['evaluation-process.ts', 'score', model, holdout]);
    const scoreBare = () => ask(run, scoredSchema, ['bare-scoring-process.ts', model, holdout]);
    // Whatever the first of two has of it, the other one has as often.
    const pair =
      index % 2 === 0
        ? { own: await scoreOwn(), bare: await scoreBare() }
        : await scoreBare().then(async (bare) => ({ own: await scoreOwn(), bare }));
    pairs.push(pair);
  }
  await rm(holdout);
  const same = pairs.every(
    ({ own, bare }) => own.rows === bare.rows && Math.abs(own.mean - bare.mean) < 1e-6,
  );
  return { megabytes, pairs, wrong: same ? [] : ['scoring: the peer predicts something else'] };
}

function scoringTable(
  { pairs, megabytes }: Awaited<ReturnType<typeof measureScoring>>,
  { runs }: Numbers,
): Table {
  const rate = (which: 'own' | 'bare') => median(pairs.map((pair) => pair[which].rows / pair[which].seconds));
  const ratio = median(pairs.map(({ own, bare }) => bare.seconds / own.seconds));
  return {
    title: `scoring ${pairs[0]?.own.rows.toLocaleString('en')} rows (${megabytes.toFixed(1)} MB): medians of ${runs} pairs`,
    head: ['', 'rows/s', 'of the peer', 'budget'],
    rows: [
      [
        'scoreModel',
        rate('own').toFixed(0),
        `${ratio.toFixed(2)}x`,
        `>= ${BUDGET.rowsPerSecond}: ${held(rate('own') >= BUDGET.rowsPerSecond)}`,
      ],
      ['csv-parse + onnxruntime-node', rate('bare').toFixed(0), '', ''],
    ],
  };
}

async function measureEvaluation(run: Run, model: string, rows: number) {
  run.progress(`a whole evaluation of ${rows.toLocaleString('en')} rows`);
  const holdout = await largeHoldout(run, rows);
  const found = await ask(run, evaluatedSchema, ['evaluation-process.ts', 'evaluate', model, holdout]);
  await rm(holdout);
  return found;
}

function evaluationTable({ rows, outcome, seconds, peakMb }: z.infer<typeof evaluatedSchema>): Table {
  return {
    title: `whole evaluation of ${rows.toLocaleString('en')} rows with a champion`,
    head: ['', 'seconds', 'peak MB', 'budget'],
    rows: [
      [
        `outcome ${outcome}`,
        seconds.toFixed(1),
        peakMb.toFixed(0),
        `<= ${BUDGET.peakMb} MB: ${held(peakMb <= BUDGET.peakMb)}`,
      ],
    ],
  };
}

const held = (holds: boolean): string => (holds ? 'held' : 'MISSED');
