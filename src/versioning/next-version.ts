import semver from 'semver';
import type { Card, TrainingInputs } from '../onnx/index.ts';
import { type Change, type Level, signatureChanges } from './signature-change.ts';

export interface NextVersion {
  version: string;
  bump: 'first' | Level;
  reasons: string[];
}

const RANK: Record<Level, number> = { patch: 0, minor: 1, major: 2 };

/** The higher one of two levels, or the one that there is. */
export function higherLevel(one: Level, other: Level | undefined): Level;
export function higherLevel(one: Level | undefined, other: Level | undefined): Level | undefined;
export function higherLevel(one: Level | undefined, other: Level | undefined): Level | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return RANK[other] > RANK[one] ? other : one;
}

/**
 * The version of a candidate, computed from its card and the card of the highest release: major if the change of the
 * model signature breaks a client; minor if it only adds, or if code, command, params or environment changed; patch if
 * only data changed. `raise` may raise the bump, never lower it. The first version is 1.0.0.
 */
export function nextVersion(
  highest: { version: string; card: Card } | undefined,
  candidate: Card,
  raise?: Level,
): NextVersion {
  if (highest === undefined) return { version: '1.0.0', bump: 'first', reasons: ['first release'] };
  const changes = [
    ...signatureChanges(highest.card.modelSignature, candidate.modelSignature),
    ...cardChanges(highest.card, candidate),
  ];
  const computed = changes.reduce<Level>((level, change) => higherLevel(level, change.level), 'patch');
  const bump = higherLevel(computed, raise);
  const reasons = changes.filter((change) => change.level === computed).map((change) => change.reason);
  if (bump !== computed) reasons.unshift(`raised from ${computed} to ${bump} on request`);
  const version = semver.inc(highest.version, bump);
  if (version === null) throw new Error(`${highest.version} is not a version`);
  return { version, bump, reasons };
}

function cardChanges(before: Card, after: Card): Change[] {
  const [old, now] = [before.training?.inputs, after.training?.inputs];
  if (old !== undefined && now !== undefined) return trainingChanges(old, now);
  return [
    { level: 'minor', reason: 'one of the two models was not trained here, so what changed is unknown' },
  ];
}

/** One thing that differs between the inputs of two trainings. */
export interface TrainingChange extends Change {
  about: 'command' | 'code' | 'environment' | 'param' | 'data';
}

/** What differs between the inputs of two trainings: patch where only data changed, else minor. */
export function trainingChanges(before: TrainingInputs, after: TrainingInputs): TrainingChange[] {
  const changes: TrainingChange[] = [];
  const minor = (about: TrainingChange['about'], reason: string) =>
    changes.push({ about, level: 'minor', reason });
  if (before.command !== after.command) minor('command', 'the training command changed');
  if (before.code !== after.code) minor('code', 'the training code changed');
  if (before.environment !== after.environment) minor('environment', 'the environment changed');
  for (const name of new Set([...Object.keys(before.params), ...Object.keys(after.params)])) {
    const [from, to] = [before.params[name], after.params[name]];
    if (from !== to) minor('param', `param ${name}: ${from ?? 'absent'} became ${to ?? 'absent'}`);
  }
  if (before.dataset !== after.dataset)
    changes.push({ about: 'data', level: 'patch', reason: 'the training data changed' });
  return changes;
}
