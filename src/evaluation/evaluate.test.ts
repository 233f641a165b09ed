import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classifierModel, type ClassifierOptions } from '../../test/fixtures/onnx-model.ts';
import { elements, goldenToJson, readModelFile, startSession } from '../onnx/index.ts';
import { type Contender, evaluate, type EvaluateArgs } from './evaluate.ts';
import { chooseGolden } from './golden.ts';
import { seededRandom } from './random.ts';
import { scoreHoldout } from './score.ts';
import { decideAgain, parseVerdict, verdictBytes } from './verdict.ts';

const ROWS = 1200;
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const rules: EvaluateArgs['rules'] = {
  metrics: {
    auc: { min: 0.7, tolerance: { kind: 'absolute', value: 0.02 } },
    log_loss: { tolerance: { kind: 'relative', value: 0.05 } },
  },
  budget: { size: 1_000_000 },
};

describe('evaluate', () => {
  let folder = '';
  let holdout = { file: '', digest: digest('e') };
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
    return { modelFile, digest: digest(digit), bytes: bytes.length };
  };
  const honest = (): Promise<Contender> => model('honest', 'a', { coefficients: [1, 2] });
  const judged = (candidate: Contender, champion: Contender | null) =>
    evaluate({
      model: 'churn',
      candidate,
      champion,
      holdout,
      rules,
      label: 'churn',
      task: 'binary-classification',
    });

  it('a first release is judged by its floors', async () => {
    const { verdict, predictions } = await judged(await honest(), null);
    expect(verdict).toMatchObject({ outcome: 'first', champion: null, rows: ROWS, holdout: digest('e') });
    expect(verdict.metrics.auc).toMatchObject({ champion: null, interval: null, passed: true });
    expect(predictions.rows).toBe(ROWS);
  });

  it.each(['candidate', 'champion'])(
    'ends at once when it is cancelled while it scores the %s',
    async (which) => {
      const reason = new Error('enough');
      const { predictions } = await judged(await honest(), null);
      const args = {
        model: 'churn',
        candidate: { ...(await honest()), ...(which === 'champion' && { predictions }) },
        champion: await model('champion', 'b', { coefficients: [1, 2] }),
        holdout,
        rules,
        label: 'churn',
        task: 'binary-classification',
        signal: AbortSignal.abort(reason),
      };
      await expect(evaluate(args)).rejects.toBe(reason);
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

  it('a champion that wants another column is a failure that says so', async () => {
    const wider = await model('wider', 'b', { coefficients: [1, 2, 3] });
    await expect(judged(await honest(), wider)).rejects.toMatchObject({
      code: 'champion-not-scored',
      message: expect.stringContaining(digest('b')),
      remedy: expect.stringContaining('"x2"'),
    });
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
