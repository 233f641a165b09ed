import { join } from 'node:path';
import { z } from 'zod';
import { scoreModel } from '../../evaluation/index.ts';
import { CHANNEL, edgeloop, MODEL, require, type Stage } from './stage.ts';
import { swapTo } from './traffic.ts';

export interface ReleaseRecord {
  version: string;
  bump: string;
  reasons: string[];
  metrics: Record<string, unknown>;
}

const planSchema = z.object({
  models: z.array(z.object({ decision: z.string(), reasons: z.array(z.string()) })),
});
const retrainSchema = z.object({
  reused: z.boolean(),
  candidate: z.object({ path: z.string(), digest: z.string() }),
  verdict: z.object({
    outcome: z.string(),
    reasons: z.array(z.string()),
    metrics: z.record(z.string(), z.unknown()),
  }),
});
const releaseSchema = z.object({
  version: z.string(),
  bump: z.string(),
  reasons: z.array(z.string()),
  modelManifest: z.object({ digest: z.string() }),
});
const deviceSchema = z.object({
  outcomes: z.array(z.object({ outcome: z.string() })),
  models: z.array(z.object({ version: z.string().nullable() })),
});

/** `edgeloop plan`; checks the decision, and that a reason names what changed. */
export async function plan(stage: Stage, must: { decision: string; changed: string }): Promise<void> {
  const found = (await edgeloop(stage, planSchema, ['plan', MODEL])).models[0];
  const reasons = found?.reasons.join('; ') ?? '';
  require(found?.decision === must.decision &&
    reasons.includes(must.changed), `plan said ${JSON.stringify(found)}`);
  stage.narrator.tell('plan', reasons);
}

/** `edgeloop retrain`, with the exit code that it must have: 3 when the gate must refuse. */
export async function retrain(
  stage: Stage,
  exitCode: 0 | 3,
): Promise<z.output<typeof retrainSchema>['verdict'] & { modelFile: string; digest: string }> {
  const printed = await edgeloop(stage, retrainSchema, ['retrain', MODEL], exitCode);
  const { candidate, verdict, reused } = printed;
  require(!reused &&
    (verdict.outcome === 'fail') === (exitCode === 3), `retrain said ${JSON.stringify(verdict)}`);
  for (const reason of verdict.reasons) stage.narrator.tell('gate', reason);
  return { ...verdict, modelFile: join(candidate.path, 'model.onnx'), digest: candidate.digest };
}

/** plan, retrain, release, rollout; checks that each said what it must say here. */
export async function trainAndRelease(
  stage: Stage,
  must: { version: string; bump: string; changed: string },
): Promise<ReleaseRecord> {
  const { narrator, traffic, project } = stage;
  await plan(stage, { decision: 'train', changed: must.changed });
  const { modelFile, digest, metrics } = await retrain(stage, 0);
  const holdout = join(project, 'data/holdout.csv');
  const own = await scoreModel(modelFile, holdout, 'churn', 'binary-classification');
  traffic.expected.set(
    must.version,
    // Of class 1.
    own.predicted.filter((_, index) => index % own.width === 1),
  );

  const release = await edgeloop(stage, releaseSchema, ['release', MODEL]);
  const { version, bump, reasons } = release;
  require(version === must.version && bump === must.bump, `release said ${JSON.stringify(release)}`);
  require(release.modelManifest.digest === digest, 'the released digest is not the one that was judged');
  narrator.tell('release', `${version} (${bump}: ${reasons.join('; ')})`);
  await edgeloop(stage, z.unknown(), ['rollout', `${MODEL}@${version}`, '--channel', CHANNEL]);
  narrator.tell('rollout', `${CHANNEL} names ${MODEL} ${version}`);
  return { version, bump, reasons, metrics };
}

/** Tells the device to look at its channel, under load, and waits until it answers with `version`. */
export async function follow(stage: Stage, version: string): Promise<void> {
  const { swapMs } = await swapTo(stage, { version, by: 'channel' }, () =>
    pollDevice(stage, { outcome: 'swapped', version }),
  );
  stage.narrator.tell('swap', `the first answer of ${version} came ${swapMs.toFixed(0)} ms after the hint`);
}

/** `edgeloop device poll`; checks what the device did and what it serves afterwards. */
export async function pollDevice(stage: Stage, must: { outcome: string; version: string }): Promise<void> {
  const device = await edgeloop(stage, deviceSchema, ['device', 'poll']);
  require(device.outcomes[0]?.outcome === must.outcome &&
    device.models[0]?.version === must.version, `device poll said ${JSON.stringify(device)}`);
}
