import { join } from 'node:path';
import { type ModelConfig, modelConfig, parseConfig } from '../src/config/index.ts';
import {
  type Contender,
  evaluate,
  inspectData,
  referenceStatistics,
  type Verdict,
} from '../src/evaluation/index.ts';
import { readModelFile } from '../src/onnx/index.ts';
import { readFile } from 'node:fs/promises';
import { findTrainers } from '../test/tooling/find.ts';
import type { Benchmark, Run } from './parts/benchmark.ts';
import { dealOut, EXAMPLE, type Scenario, SCENARIOS, type Split } from './parts/gate-scenarios.ts';
import { ROOT } from './parts/program.ts';

/** What the gate said to one proposal. */
interface Answer {
  outcome: Verdict['outcome'];
  by: { metrics: boolean; slices: boolean; data: boolean };
  /** The lower end of each metric's interval. */
  lower: Record<string, number>;
  psi: number;
}

const PARALLEL = 2;

/** How often the gate refuses what it should and what it should not, under the example's own rules. */
export default {
  about: 'how often the gate refuses honest and bad proposals, over many splits of the churn data',
  defaults: { splits: 20 },
  async measure(run: Run, { splits }: { splits: number }) {
    const python = findTrainers();
    const scenarios = SCENARIOS.filter(({ training }) => training !== 'mlp' || python !== undefined);
    const answers = new Map<string, Answer[]>(scenarios.map(({ name }) => [name, []]));
    const seeds = Array.from({ length: splits }, (_, index) => index + 1).values();
    const worker = async (): Promise<void> => {
      for (const seed of seeds) {
        run.progress(`split ${seed} of ${splits}`);
        const split = await dealOut(join(run.scratch, `split-${seed}`), seed);
        const found = await answersOn(run, split, scenarios, python);
        for (const [name, answer] of found) answers.get(name)?.push(answer);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    const rows = scenarios.map((scenario) => rowOf(scenario, answers.get(scenario.name) ?? []));
    return {
      tables: [
        {
          title: `refused of ${splits}: the rules of examples/churn/edgeloop.yaml, slices by state and by international_plan`,
          head: ['proposal', 'refused', 'expected', 'by metrics', 'by slices', 'by data', ...METRICS, 'PSI'],
          rows: rows.map(({ cells }) => cells),
        },
      ],
      notes: [
        'Each split deals out all 5,000 rows anew: 2,000 train the champion, 1,333 arrive, 1,667 judge.',
        'Under a metric: the worst and the median lower end of the interval of the improvement. PSI: the median of the largest.',
        ...(python === undefined ? ['Left out for want of Python: an MLP.'] : []),
      ],
      json: Object.fromEntries(answers),
      wrong: rows.flatMap(({ wrong }) => wrong),
    };
  },
} satisfies Benchmark;

const METRICS = ['auc', 'log_loss'];

async function answersOn(
  run: Run,
  split: Split,
  scenarios: readonly Scenario[],
  python: string | undefined,
): Promise<Map<string, Answer>> {
  const settings = await exampleSettings();
  const champion = await train(run, split.first, join(split.folder, 'champion'), 'example', python);
  const found = new Map<string, Answer>();
  for (const { name, change, training } of scenarios) {
    const data =
      change === undefined ? split.first : await split.withSecond(name, (row) => change(row, split.columns));
    const candidate = await train(run, data, join(split.folder, `model of ${name}`), training, python);
    found.set(name, await judge(split, settings, data, candidate, champion));
  }
  return found;
}

async function exampleSettings(): Promise<ModelConfig['evaluate']> {
  const file = join(EXAMPLE, 'edgeloop.yaml');
  const config = parseConfig(await readFile(file, 'utf8'), file, EXAMPLE);
  return modelConfig(config, 'churn').evaluate;
}

async function train(
  run: Run,
  data: string,
  out: string,
  training: Scenario['training'],
  python: string | undefined,
): Promise<Contender> {
  const trees = training === 'weak' ? ['--trees', '20', '--depth', '2'] : ['--trees', '120'];
  if (training === 'mlp') {
    const script = join(ROOT, 'bench/parts/mlp.py');
    await run.processes.run(join(python ?? '', 'bin/python'), [script, EXAMPLE, data, out], { cwd: ROOT });
  } else {
    const script = join(EXAMPLE, 'training/train.ts');
    await run.processes.run(process.execPath, [script, '--data', data, '--out', out, ...trees], {
      cwd: ROOT,
    });
  }
  const modelFile = join(out, 'model.onnx');
  const { modelSignature, bytes } = await readModelFile(modelFile);
  const digest = `sha256:${Buffer.from(out).toString('hex').slice(-64).padStart(64, '0')}`;
  return { modelFile, modelSignature, bytes, digest };
}

async function judge(
  split: Split,
  { label, task, metrics, checks }: ModelConfig['evaluate'],
  data: string,
  candidate: Contender,
  champion: Contender,
): Promise<Answer> {
  const files = data === split.first ? [data] : ['first.csv', 'second.csv'].map((name) => join(data, name));
  const reference = (await referenceStatistics([split.first], champion.modelSignature)) ?? {
    reason: 'none',
  };
  const { verdict } = await evaluate({
    model: 'churn',
    candidate,
    champion,
    holdout: { file: split.holdout, name: 'holdout.csv', digest: `sha256:${'c'.repeat(64)}` },
    rules: { metrics: JSON.parse(JSON.stringify(metrics)), budget: {}, slices: SLICES, checks },
    label,
    task,
    data: await inspectData({
      train: { files, fresh: files.slice(1), sampled: false },
      holdout: split.holdout,
      notFeatures: [label],
      reference,
    }),
    runner: null,
  });
  return answerOf(verdict);
}

const SLICES = ['state', 'international_plan'];

function answerOf({ outcome, reasons, metrics, data }: Verdict): Answer {
  const refused = outcome === 'fail';
  const features = data.train.outcome === 'measured' ? data.train.features : [];
  return {
    outcome,
    by: {
      metrics: Object.values(metrics).some(({ passed }) => passed === false),
      slices: refused && reasons.some((reason) => reason.startsWith('in the slice')),
      data: refused && reasons.some((reason) => reason.includes('training data')),
    },
    lower: Object.fromEntries(METRICS.map((name) => [name, metrics[name]?.interval?.lower ?? Number.NaN])),
    psi: Math.max(...features.map(({ psi }) => psi ?? 0)),
  };
}

function rowOf(
  { name, expected }: Scenario,
  answers: readonly Answer[],
): { cells: string[]; wrong: string[] } {
  const count = (pick: (answer: Answer) => boolean): number => answers.filter(pick).length;
  const refused = count(({ outcome }) => outcome === 'fail');
  const held = expected === 'all' ? refused === answers.length : refused <= answers.length / 20;
  const ends = METRICS.map((metric) => {
    const values = answers.map(({ lower }) => lower[metric] ?? Number.NaN).toSorted((a, b) => a - b);
    return `${values[0]?.toFixed(3)} / ${values[Math.floor(values.length / 2)]?.toFixed(3)}`;
  });
  const psi = answers.map((answer) => answer.psi).toSorted((a, b) => a - b)[Math.floor(answers.length / 2)];
  return {
    cells: [
      name,
      `${refused} of ${answers.length}`,
      expected,
      String(count(({ by }) => by.metrics)),
      String(count(({ by }) => by.slices)),
      String(count(({ by }) => by.data)),
      ...ends,
      psi?.toFixed(2) ?? '',
    ],
    wrong: held ? [] : [`${name}: ${refused} of ${answers.length} refused, expected ${expected}`],
  };
}
