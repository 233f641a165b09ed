import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { commit, exampleProject, git } from '../fixtures/churn-project.ts';
import { edit } from '../fixtures/expect-error.ts';
import { json } from '../fixtures/json-answer.ts';
import { type Agent, startAgent } from '../fixtures/project-agent.ts';
import { findTrainers } from '../tooling/find.ts';

const trainers = findTrainers();

const cardOf = (candidate: { path: string }) =>
  JSON.parse(readFileSync(join(candidate.path, 'edgeloop.json'), 'utf8'));

// Real trainings with the tools that people train with: scikit-learn, converted by skl2onnx.
describe.skipIf(trainers === undefined)('a training in Python', () => {
  beforeAll(() => {
    // As an activated environment has it.
    vi.stubEnv('VIRTUAL_ENV', trainers);
    vi.stubEnv('PATH', `${trainers}/bin${delimiter}${process.env['PATH'] ?? ''}`);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
  });

  describe('of handwritten digits', () => {
    let project: string;
    let agent: Agent | undefined;
    let accuracy = 0;

    beforeAll(() => {
      project = exampleProject('digits');
    });
    afterAll(async () => {
      await agent?.end();
    });

    it('is planned', () => {
      expect(json(project, 0, 'plan').models).toMatchObject([
        { model: 'digits', decision: 'train', dataset: { files: 1, bytes: 117_980 } },
      ]);
    });

    it('leaves a candidate whose card says what its trainer.json said', () => {
      const { candidate, verdict, next } = json(project, 0, 'retrain', 'digits');
      expect(verdict).toMatchObject({ outcome: 'first' });
      expect(next).toMatchObject({ version: '1.0.0', bump: 'first' });
      expect(Object.keys(verdict.metrics)).toEqual(['accuracy', 'macro_f1', 'log_loss']);
      accuracy = verdict.metrics.accuracy.candidate;
      expect(accuracy).toBeGreaterThan(0.95);
      const card = cardOf(candidate);
      expect(card.modelSignature).toEqual({
        inputs: [{ name: 'image', dataType: 'FP32', shape: [null, 1, 8, 8] }],
        outputs: [
          { name: 'label', dataType: 'INT64', shape: [null] },
          { name: 'probabilities', dataType: 'FP32', shape: [null, 10] },
        ],
        labels: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      });
      expect(card.featureOrder).toHaveLength(64);
      expect(card.featureOrder.slice(7, 10)).toEqual(['pixel_0_7', 'pixel_1_0', 'pixel_1_1']);
      expect(card).toMatchObject({
        featureOrderFrom: 'trainer',
        notes: 'scikit-learn MLPClassifier, 64 hidden units, 797 images of 8x8',
      });
      expect(Object.keys(card.statistics)).toEqual(card.featureOrder);
      expect(card.statistics.pixel_3_3).toMatchObject({
        kind: 'numeric',
        rows: 797,
        minimum: 0,
        maximum: 16,
      });
      // A Node process with ONNX Runtime in it.
      expect(card.requirements.memoryBytes).toBeGreaterThan(32 * 1024 ** 2);
      expect(card.requirements.memoryBytes).toBeLessThan(2 * 1024 ** 3);
      expect(existsSync(join(candidate.path, 'trainer.json'))).toBe(false);
    });

    it('is released and rolled out, and an agent reads each image of the holdout as the gate did', async () => {
      expect(json(project, 0, 'release', 'digits')).toMatchObject({ version: '1.0.0' });
      json(project, 0, 'rollout', 'digits@1.0.0', '--channel', 'production');
      agent = await startAgent(project);
      expect(agent.firstLine).toMatch(/serves digits 1\.0\.0$/);
      const [, ...lines] = readFileSync(join(project, 'data/holdout.csv'), 'utf8').trim().split('\n');
      const images = lines.map((line) => line.split(',').map(Number));
      const input = { name: 'image', datatype: 'FP32', shape: [images.length, 1, 8, 8] };
      const response = await fetch(`${/http:\S+/.exec(agent.firstLine)?.[0]}/v2/models/digits/infer`, {
        method: 'POST',
        body: JSON.stringify({
          inputs: [{ ...input, data: images.flatMap((image) => image.slice(0, 64)) }],
        }),
      });
      const answer = answerSchema.parse(await response.json());
      expect(answer.model_version).toBe('1.0.0');
      const read = answer.outputs.find(({ name }) => name === 'label')?.data ?? [];
      expect(read).toHaveLength(500);
      const right = images.filter((image, index) => image[64] === read[index]);
      expect(right.length / images.length).toBe(accuracy);
    });

    it('with another param is a minor version', () => {
      edit(project, 'edgeloop.yaml', ['hidden: 64', 'hidden: 96']);
      commit(project, 'more units');
      expect(json(project, 0, 'retrain', 'digits')).toMatchObject({
        verdict: { outcome: 'pass' },
        next: { version: '1.1.0', bump: 'minor' },
      });
      expect(json(project, 0, 'release', 'digits')).toMatchObject({ version: '1.1.0', bump: 'minor' });
    });

    it('on a delivery with shuffled labels is refused with exit code 3', () => {
      const [header = '', ...rows] = readFileSync(join(project, 'arrivals/digits-2.csv'), 'utf8')
        .trim()
        .split('\n');
      // Each image gets the label of the one 37 rows further on.
      const labels = rows.map((_, row) => rows[(row + 37) % rows.length]?.split(',').at(-1));
      const shuffled = rows.map((row, index) => `${row.slice(0, row.lastIndexOf(','))},${labels[index]}`);
      writeFileSync(join(project, 'data/train/digits-2.csv'), `${[header, ...shuffled].join('\n')}\n`);
      commit(project, 'a bad delivery');
      const { verdict, next } = json(project, 3, 'retrain', 'digits');
      expect(next).toBeNull();
      expect(verdict).toMatchObject({
        outcome: 'fail',
        metrics: { macro_f1: { passed: false }, log_loss: { passed: false } },
      });
      expect(json(project, 3, 'release', 'digits').error.code).toBe('gate-refused');
      expect(git(project, 'tag', '-l', 'digits@*')).toBe('digits@v1.0.0\ndigits@v1.1.0');
      expect(json(project, 0, 'verify').findings).toEqual([]);
    });

    it('that says what cannot be is a failure that names trainer.json', () => {
      edit(project, 'training/train.py', ['"featureOrder": PIXELS', '"featureOrder": PIXELS[1:]']);
      commit(project, 'a mistake');
      expect(json(project, 1, 'retrain', 'digits').error).toMatchObject({
        code: 'feature-order-length',
        message: expect.stringContaining('order of 63 columns'),
      });
      edit(project, 'training/train.py', ['"featureOrder"', '"feature_order"']);
      commit(project, 'another mistake');
      const { error } = json(project, 1, 'retrain', 'digits');
      expect(error).toMatchObject({ code: 'trainer-file-invalid' });
      expect(error.message).toMatch(/output\/trainer\.json: .*"feature_order"/);
    });
  });

  describe.each([
    ['digits', 'training/train.py', '--hidden 16 --epochs 5 --seed 1', '0,0,5,13', 'many,0,5,13'],
    ['churn', 'training-sklearn/train.py', '--trees 20', ',265.1,', ',many,'],
  ])('by hand, of %s', (example, program, params, value, wrong) => {
    const train = (project: string, hashSeed: string) =>
      spawnSync('python3', [program, '--data', 'data/train', '--out', hashSeed, ...params.split(' ')], {
        cwd: project,
        env: { ...process.env, PYTHONHASHSEED: hashSeed },
        encoding: 'utf8',
      });

    it('gives the same bytes whatever the hash seed', () => {
      const project = exampleProject(example);
      const [one, other] = ['1', '77'].map((hashSeed) => {
        expect(train(project, hashSeed)).toMatchObject({ status: 0, stderr: '' });
        return readFileSync(join(project, hashSeed, 'model.onnx'));
      });
      expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true);
    });

    it('says in one line where a value is wrong', () => {
      const project = exampleProject(example);
      edit(project, `data/train/${example}-1.csv`, [value, wrong]);
      const { status, stderr } = train(project, '1');
      expect(status).toBe(1);
      expect(stderr).toMatch(/^data\/train\/\w+-1\.csv:2: found 'many', expected a .*number.*\n$/);
      expect(existsSync(join(project, '1'))).toBe(false);
    });
  });

  describe('elsewhere', () => {
    it('hands over what its trainer.json says, and something else under the same inputs is refused', () => {
      const project = exampleProject('digits');
      const args = '--data data/train --out ../elsewhere --hidden 16 --epochs 60 --seed 3'.split(' ');
      execFileSync('python3', ['training/train.py', ...args], { cwd: project, stdio: 'ignore' });
      const from = ['retrain', 'digits', '--from', join(project, '../elsewhere')];
      const first = json(project, 0, ...from);
      expect(first).toMatchObject({ reused: false, verdict: { outcome: 'first' } });
      expect(cardOf(first.candidate)).toMatchObject({
        featureOrderFrom: 'trainer',
        notes: 'scikit-learn MLPClassifier, 16 hidden units, 797 images of 8x8',
        training: { job: { target: 'elsewhere' } },
      });
      expect(json(project, 0, ...from)).toMatchObject({
        reused: true,
        candidate: { digest: first.candidate.digest },
      });
      edit(project, '../elsewhere/trainer.json', ['16 hidden', 'sixteen hidden']);
      expect(json(project, 2, ...from).error.code).toBe('already-trained');

      const silent = exampleProject('digits');
      rmSync(join(project, '../elsewhere/trainer.json'));
      const { candidate } = json(silent, 0, ...from);
      const card = cardOf(candidate);
      // The holdout has just these columns, in the same order, and its labels are class indices.
      expect(card).toMatchObject({
        featureOrder: cardOf(first.candidate).featureOrder,
        featureOrderFrom: 'holdout',
      });
      expect(card).not.toHaveProperty('notes');
      expect(card.modelSignature).not.toHaveProperty('labels');
    });
  });

  describe('of churn', () => {
    it('is a first release by itself', () => {
      const project = exampleProject('churn');
      trainWithScikitLearn(project);
      const { verdict, candidate } = json(project, 0, 'retrain', 'churn');
      expect(verdict.outcome).toBe('first');
      expect(cardOf(candidate).modelSignature.labels).toEqual(['no', 'yes']);
      expect(json(project, 0, 'release', 'churn')).toMatchObject({ version: '1.0.0' });
    });

    it('is judged against a champion of the TypeScript training on the same holdout', () => {
      const project = exampleProject('churn');
      const first = json(project, 0, 'retrain', 'churn');
      json(project, 0, 'release', 'churn');
      json(project, 0, 'rollout', 'churn@1.0.0', '--channel', 'production');
      trainWithScikitLearn(project);
      const { verdict, next, candidate } = json(project, 0, 'retrain', 'churn');
      expect(verdict).toMatchObject({
        outcome: 'pass',
        metrics: {
          auc: { champion: first.verdict.metrics.auc.candidate, passed: true },
          log_loss: { passed: true },
        },
      });
      expect(verdict.metrics.auc.candidate).not.toBe(verdict.metrics.auc.champion);
      // Code changed, and a client sees no difference: neither inputs nor outputs nor labels.
      expect(next).toMatchObject({ version: '1.1.0', bump: 'minor' });
      expect(cardOf(candidate).modelSignature.labels).toEqual(['no', 'yes']);
      expect(json(project, 0, 'release', 'churn')).toMatchObject({ version: '1.1.0' });
    });
  });
});

const answerSchema = z.object({
  model_version: z.string(),
  outputs: z.array(z.object({ name: z.string(), data: z.array(z.number()) })),
});

/** Does what the example's README says: three lines change. */
function trainWithScikitLearn(project: string): void {
  const readme = readFileSync(join(project, 'README.md'), 'utf8');
  const lines = /```yaml\n([\s\S]*?)```/.exec(readme)?.[1]?.trimEnd().split('\n') ?? [];
  expect(lines.map((line) => line.trim().split(':')[0])).toEqual(['run', 'code', 'environment']);
  for (const line of lines) {
    const key = /^ *\w+:/.exec(line)?.[0] ?? '';
    edit(project, 'edgeloop.yaml', [new RegExp(`^${key}.*$`, 'm'), line]);
  }
  commit(project, 'train with scikit-learn');
}
