import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classifierModel, type ClassifierOptions } from '../../test/fixtures/onnx-model.ts';
import { elements, goldenToJson, readModelFile, startSession } from '../onnx/index.ts';
import { gateRules, UNCHECKED } from '../../test/fixtures/gate-input.ts';
import type { DataFindings } from './data/inspect-data.ts';
import { type Contender, evaluate, type EvaluateArgs } from './evaluate.ts';
import { chooseGolden } from './scoring/golden.ts';
import { seededRandom } from './random.ts';
import { scoreHoldout } from './scoring/score.ts';
import { decideAgain, parseVerdict, verdictBytes } from './verdict.ts';

const ROWS = 1200;
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const rules: EvaluateArgs['rules'] = gateRules({
  metrics: {
    auc: { min: 0.7, tolerance: { kind: 'absolute', value: 0.02 } },
    log_loss: { tolerance: { kind: 'relative', value: 0.05 } },
  },
  budget: { size: 1_000_000 },
});
const data: DataFindings = { record: UNCHECKED, distributions: { train: [], holdout: [] } };

describe('evaluate', () => {
  let folder = '';
  let holdout = { file: '', name: 'holdout.csv', digest: digest('e') };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edgeloop-evaluate-'));
    holdout = { ...holdout, file: join(folder, 'holdout.csv') };
    await writeFile(holdout.file, table());
  });
  afterAll(() => rm(folder, { recursive: true }));

  const model = async (name: string, digit: string, options: ClassifierOptions): Promise<Contender> => {
    const modelFile = join(folder, `${name}.onnx`);
    const bytes = classifierModel(options);
    await writeFile(modelFile, bytes);
    const { modelSignature } = await readModelFile(modelFile);
    return { modelFile, digest: digest(digit), bytes: bytes.length, modelSignature };
  };
  const honest = (): Promise<Contender> => model('honest', 'a', { coefficients: [1, 2] });
  const judged = (candidate: Contender, champion: Contender | null, other: Partial<EvaluateArgs> = {}) =>
    evaluate({
      model: 'churn',
      candidate,
      champion,
      holdout,
      rules,
      label: 'churn',
      task: 'binary-classification',
      data,
      runner: null,
      ...other,
    });

  it('a first release is judged by its floors', async () => {
    const { verdict, candidate } = await judged(await honest(), null);
    expect(verdict).toMatchObject({ outcome: 'first', champion: null, rows: ROWS, holdout: digest('e') });
    expect(verdict.metrics.auc).toMatchObject({ champion: null, interval: null, passed: true });
    expect(candidate.rows).toBe(ROWS);
  });

  it.each(['candidate', 'champion'])(
    'ends at once when it is cancelled while it scores the %s',
    async (which) => {
      const reason = new Error('enough');
      const { candidate: predictions } = await judged(await honest(), null);
      const candidate = { ...(await honest()), ...(which === 'champion' && { predictions }) };
      const champion = await model('champion', 'b', { coefficients: [1, 2] });
      const signal = AbortSignal.abort(reason);
      await expect(judged(candidate, champion, { signal })).rejects.toBe(reason);
    },
  );

  it('the same model again passes, with the same verdict every time', async () => {
    const [candidate, champion] = [await honest(), { ...(await honest()), digest: digest('b') }];
    const { verdict } = await judged(candidate, champion);
    expect(verdict.outcome).toBe('pass');
    expect(verdict.metrics.log_loss).toMatchObject({ improvement: 0, interval: { lower: 0, upper: 0 } });
    const again = await judged(candidate, champion);
    expect(verdictBytes(again.verdict)).toEqual(verdictBytes(verdict));
  });

  it('a worse model is refused, for reasons that its record bears out', async () => {
    const { verdict } = await judged(await model('worse', 'd', { coefficients: [1, -2] }), await honest());
    expect(verdict.outcome).toBe('fail');
    expect(verdict.reasons.map((reason) => reason.split(' ')[0])).toEqual(['auc', 'auc', 'log_loss']);
    const { outcome, reasons } = decideAgain(parseVerdict(verdictBytes(verdict)));
    expect({ outcome, reasons }).toEqual({ outcome: verdict.outcome, reasons: verdict.reasons });
  });

  it('a champion that names the classes the other way round is compared by their names', async () => {
    const forwards = await model('forwards', 'a', { coefficients: [1, 2], labels: ['no', 'yes'] });
    const backwards = await model('backwards', 'b', { coefficients: [-1, -2], labels: ['yes', 'no'] });
    const { verdict } = await judged(forwards, backwards);
    expect(verdict.outcome).toBe('pass');
    expect(verdict.metrics.f1?.champion).toBeCloseTo(verdict.metrics.f1?.candidate ?? 0, 2);
    expect(verdict.metrics.auc?.champion).toBeCloseTo(verdict.metrics.auc?.candidate ?? 0, 6);
  });

  it('a champion that takes other inputs is a recorded reason: floors and budgets decide', async () => {
    const wider = await model('wider', 'b', { coefficients: [1, 2, 3] });
    const { verdict, champion } = await judged(await honest(), wider);
    expect(champion).toBeNull();
    expect(verdict).toMatchObject({
      outcome: 'pass',
      champion: digest('b'),
      notComparable: expect.stringMatching(
        /^input "x2" of the champion is not in the candidate: holdout\.csv:1:1: .*has no column "x2"/,
      ),
    });
    expect(verdict.metrics.auc).toMatchObject({ champion: null, interval: null, passed: true });
    expect(decideAgain(parseVerdict(verdictBytes(verdict)))).toMatchObject({ outcome: 'pass' });
    const { metrics } = rules;
    const unfloored = gateRules({ metrics: { log_loss: metrics['log_loss'] ?? {} } });
    const refused = await judged(await honest(), wider, { rules: unfloored });
    expect(refused.verdict.outcome).toBe('fail');
    expect(refused.verdict.reasons[0]).toContain('no metric has a floor');
  });

  it('a champion of the same model signature that cannot be scored is a failure', async () => {
    const damaged = await model('damaged', 'b', { coefficients: [1, 2] });
    const { modelSignature } = await honest();
    await writeFile(damaged.modelFile, 'not a model');
    await expect(judged(await honest(), { ...damaged, modelSignature })).rejects.toMatchObject({
      code: 'champion-not-scored',
      message: expect.stringContaining(digest('b')),
    });
    // Another model signature does not excuse a file that can't be loaded.
    await expect(
      judged(await honest(), { ...damaged, modelSignature: { ...modelSignature, inputs: [] } }),
    ).rejects.toMatchObject({ code: 'champion-not-scored' });
  });

  it('a slice for which the model got much worse is refused though the average holds', async () => {
    // In a twentieth of the rows the candidate sees the second input with the wrong sign, as if it were wired wrongly.
    const sliced = join(folder, 'sliced.csv');
    const [header, ...rows] = table().trim().split('\n');
    const turned = rows.map((row, index) => {
      const [x0 = '', x1 = '', label = ''] = row.split(',');
      const lost = index % 20 === 0;
      return [x0, x1, lost ? String(-Number(x1)) : x1, lost ? 'lost' : `other${index % 3}`, label].join(',');
    });
    await writeFile(sliced, `${header?.replace('x1,', 'x1,x2,region,')}\n${turned.join('\n')}\n`);
    const candidate = await model('turned', 'd', { coefficients: [1, 0, 2] });
    const champion = await model('straight', 'b', { coefficients: [1, 2, 0] });
    const tolerant = gateRules({
      metrics: { auc: { tolerance: { kind: 'absolute', value: 0.07 } } },
      slices: ['region'],
    });
    const { verdict } = await judged(candidate, champion, {
      holdout: { file: sliced, name: 'sliced.csv', digest: digest('f') },
      rules: tolerant,
    });
    expect(verdict.metrics.auc?.passed).toBe(true);
    expect(verdict.outcome).toBe('fail');
    expect(verdict.reasons).toEqual([expect.stringContaining('in the slice region = lost (60 rows): auc')]);
    expect(verdict.slices).toMatchObject({
      columns: [{ column: 'region', values: 4, notJudged: 0, leastRows: 30 }],
    });
    // Four slices of one metric share 5 %.
    expect(verdict.slices?.judged[0]?.metrics['auc']?.interval?.level).toBeCloseTo(1 - 0.05 / 4, 12);
  });

  it('a slice of one class or of few rows does not keep a candidate from passing', async () => {
    const sliced = join(folder, 'thin.csv');
    const [header, ...rows] = table().trim().split('\n');
    const named = rows.map((row, index) => `${index < 20 ? 'few' : row.endsWith('yes') ? 'y' : 'n'},${row}`);
    await writeFile(sliced, `region,${header}\n${named.join('\n')}\n`);
    const { verdict } = await judged(await honest(), await model('champion', 'b', { coefficients: [1, 2] }), {
      holdout: { file: sliced, name: 'sliced.csv', digest: digest('f') },
      rules: { ...rules, slices: ['region'] },
    });
    expect(verdict.reasons.join('\n')).toContain('slices by region: 3, 1 of them not judged');
    expect(verdict.outcome).toBe('pass');
    const slices = verdict.slices?.judged.map(({ value, metrics }) => [value, metrics['auc']?.candidate]);
    expect(slices).toEqual(expect.arrayContaining([['y', null]]));
  });

  it('a column that the holdout has not is told, for slices and weights alike', async () => {
    const candidate = await honest();
    const told = {
      code: 'column-missing',
      message: expect.stringContaining('no column "x11" (nearest: "x1")'),
    };
    await expect(judged(candidate, null, { rules: { ...rules, slices: ['x11'] } })).rejects.toMatchObject(
      told,
    );
    await expect(judged(candidate, null, { weight: 'x11' })).rejects.toMatchObject({
      code: 'column-missing',
    });
  });

  it('rows count by their weights', async () => {
    const [header, ...rows] = table().trim().split('\n');
    const weighted = join(folder, 'weighted.csv');
    const repeated = join(folder, 'repeated.csv');
    await writeFile(weighted, `w,${header}\n${rows.map((row, i) => `${i % 3},${row}`).join('\n')}\n`);
    const times = rows.flatMap((row, i) => Array.from({ length: i % 3 }, () => row));
    await writeFile(repeated, `${header}\n${times.join('\n')}\n`);
    const candidate = await honest();
    const on = (file: string, settings: Partial<EvaluateArgs>) =>
      judged(candidate, null, { holdout: { file, name: 'holdout.csv', digest: digest('f') }, ...settings });
    const { verdict } = await on(weighted, { weight: 'w' });
    const expected = (await on(repeated, {})).verdict;
    for (const [name, expectation] of Object.entries(expected.metrics)) {
      expect(verdict.metrics[name]?.candidate).toBeCloseTo(expectation.candidate ?? Number.NaN, 9);
    }
    expect(verdict.weight).toBe('w');
    await writeFile(weighted, `w,${header}\n${rows.map((row) => `-1,${row}`).join('\n')}\n`);
    await expect(on(weighted, { weight: 'w' })).rejects.toMatchObject({
      code: 'weight-invalid',
      message: expect.stringMatching(/weighted\.csv:2:1: found "-1"/),
    });
  });

  it('times candidate and champion in turn on golden samples', async () => {
    const candidate = await honest();
    const { modelFile, modelSignature } = candidate;
    const session = await startSession({ modelFile });
    const goldenFile = join(folder, 'golden.json');
    const scored = {
      session,
      modelSignature,
      holdout: holdout.file,
      label: 'churn',
      task: 'binary-classification',
    };
    const golden = await chooseGolden({ ...scored, predictions: await scoreHoldout(scored) });
    await session.close();
    await writeFile(goldenFile, JSON.stringify(goldenToJson(golden.inputs, golden.outputs)));
    const champion = await model('champion', 'b', { coefficients: [1, 2] });
    const limited = { ...rules, budget: { latency: { kind: 'relative' as const, value: 1000 } } };
    const { verdict } = await judged({ ...candidate, goldenFile }, champion, {
      rules: limited,
      runner: 'box',
    });
    const { latency } = verdict;
    expect(latency).toMatchObject({ runner: 'box', runs: 1000 });
    expect(latency?.ratio?.value).toBeCloseTo(
      (latency?.candidate.p95Ms ?? 0) / (latency?.champion?.p95Ms ?? 1),
      9,
    );
    expect(latency?.candidate.p50Ms).toBeGreaterThan(0);
    expect(verdict.outcome).toBe('pass');
    const unmeasured = await judged(candidate, champion, { rules: limited });
    expect(unmeasured.verdict).toMatchObject({ outcome: 'fail', latency: null });
  });

  it("golden samples are rows of the holdout with the model's own outputs", async () => {
    const { modelFile } = await honest();
    const { modelSignature } = await readModelFile(modelFile);
    const session = await startSession({ modelFile });
    try {
      const scoring = {
        session,
        modelSignature,
        holdout: holdout.file,
        label: 'churn',
        task: 'binary-classification',
      };
      const predictions = await scoreHoldout(scoring);
      const args = { ...scoring, predictions };
      const { inputs, outputs } = await chooseGolden(args);
      expect(inputs.map(({ name, shape }) => [name, shape])).toEqual([
        ['x0', [8, 1]],
        ['x1', [8, 1]],
      ]);
      expect(outputs.map(({ name }) => name).toSorted()).toEqual(['label', 'probabilities']);
      const answers = outputs.find(({ name }) => name === 'probabilities');
      const probabilities = answers === undefined ? [] : elements(answers);
      const scored = new Set(predictions.predicted);
      for (let row = 0; row < 8; row++) expect(scored).toContain(probabilities[2 * row + 1]);
      const again = await chooseGolden(args);
      expect(goldenToJson(again.inputs, again.outputs)).toEqual(goldenToJson(inputs, outputs));
    } finally {
      await session.close();
    }
  });
});

/** x0, x1 and a label that follows sigmoid(x0 + 2 x1): the honest model's own probabilities. */
function table(): string {
  const draws = new Uint32Array(ROWS * 3);
  seededRandom(3)(draws);
  const uniform = (index: number): number => (draws[index] ?? 0) / 2 ** 32;
  const rows = Array.from({ length: ROWS }, (_, row) => {
    const [x0, x1] = [uniform(3 * row) * 4 - 2, uniform(3 * row + 1) * 4 - 2];
    const churns = uniform(3 * row + 2) < 1 / (1 + Math.exp(-(x0 + 2 * x1)));
    return `${x0.toFixed(4)},${x1.toFixed(4)},${churns ? 'yes' : 'no'}`;
  });
  return `x0,x1,churn\n${rows.join('\n')}\n`;
}
