import { isDeepStrictEqual } from 'node:util';
import type { Card } from '../onnx/index.ts';
import { type Change, signatureChanges } from '../versioning/index.ts';
import { type FileChanges, fileChanges, type ParamChange, paramChanges } from './changes.ts';
import type { Lineage, ListedFiles } from './lineage.ts';

/** A value of the one release and of the other. */
export interface Pair<T> {
  from: T;
  to: T;
}

/** One metric as the gate found it for each release; `null` where it did not ask for it. */
export interface MetricPair extends Pair<number | null> {
  name: string;
  /** `to` less `from`. */
  difference: number | null;
}

export interface FilesDiff extends Pair<string> {
  /** `null` when one of the lists could not be read. */
  files: FileChanges | null;
}

/** What differs between two releases. `null`: nothing, or it is not known of one of them. */
export interface ReleaseDiff {
  modelSignature: Change[];
  requirements: (Pair<string> & { name: string })[];
  command: Pair<string> | null;
  params: ParamChange[];
  environment: Pair<string> | null;
  data: FilesDiff | null;
  code: FilesDiff | null;
  /** False when each was judged on another holdout: then the figures are not of the same rows. */
  sameHoldout: boolean | null;
  metrics: MetricPair[];
  /** Bytes of the model files. */
  size: (Pair<number> & { difference: number }) | null;
  /** What the runnable image is built on; `none` without one. */
  base: Pair<string> | null;
  /** Parts that could not be compared, because they are not known of one of the two. */
  unknown: string[];
}

/** What each side is compared by. */
export type Compared = Pick<Lineage, 'card' | 'data' | 'code'> & {
  release: { lock: { dataset: string; base?: string | undefined } };
  /** Of a verdict, what is compared. */
  verdict:
    | {
        holdout: string;
        rules: { metrics: Readonly<Record<string, unknown>> };
        metrics: Readonly<Record<string, { candidate: number | null }>>;
      }
    | undefined;
};

/** What differs between two releases, by what was recorded of them. */
export function diffReleases(from: Compared, to: Compared): ReleaseDiff {
  const [before, after] = [from.card?.training?.inputs, to.card?.training?.inputs];
  const trained = before !== undefined && after !== undefined;
  const cards = from.card !== undefined && to.card !== undefined;
  const verdicts = from.verdict !== undefined && to.verdict !== undefined;
  const unknown = [
    ...(cards ? [] : ['model signature', 'requirements', 'size']),
    ...(trained ? [] : ['command', 'params', 'environment', 'code']),
    ...(verdicts ? [] : ['metrics']),
  ];
  return {
    modelSignature:
      from.card && to.card ? signatureChanges(from.card.modelSignature, to.card.modelSignature) : [],
    requirements: from.card && to.card ? requirementChanges(from.card, to.card) : [],
    command: trained ? changed(before.command, after.command) : null,
    params: trained ? paramChanges(before, after) : [],
    environment: trained ? changed(before.environment, after.environment) : null,
    data: filesDiff(changed(from.release.lock.dataset, to.release.lock.dataset), from.data, to.data),
    code: trained ? filesDiff(changed(before.code, after.code), from.code, to.code) : null,
    sameHoldout: from.verdict && to.verdict ? from.verdict.holdout === to.verdict.holdout : null,
    metrics: metricPairs(from.verdict, to.verdict),
    size: from.card && to.card ? sizeChange(from.card, to.card) : null,
    base: changed(from.release.lock.base ?? 'none', to.release.lock.base ?? 'none'),
    unknown,
  };
}

function changed<T>(from: T, to: T): Pair<T> | null {
  return isDeepStrictEqual(from, to) ? null : { from, to };
}

function sizeChange(before: Card, after: Card): ReleaseDiff['size'] {
  const pair = changed(before.requirements.modelBytes, after.requirements.modelBytes);
  return pair && { ...pair, difference: pair.to - pair.from };
}

function filesDiff(
  digests: Pair<string> | null,
  before: ListedFiles | undefined,
  after: ListedFiles | undefined,
): FilesDiff | null {
  if (digests === null) return null;
  const known = before !== undefined && after !== undefined;
  return { ...digests, files: known ? fileChanges(before.files, after.files) : null };
}

function requirementChanges(before: Card, after: Card): ReleaseDiff['requirements'] {
  const [old, now] = [requirementsOf(before), requirementsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((name) => {
    const pair = changed(old.get(name) ?? 'none', now.get(name) ?? 'none');
    return pair === null ? [] : [{ name, ...pair }];
  });
}

function requirementsOf({ requirements }: Card): Map<string, string> {
  const { opset, executionProviders, memoryBytes } = requirements;
  return new Map([
    ...Object.entries(opset).map(([domain, version]): [string, string] => [
      `opset ${domain}`,
      String(version),
    ]),
    ['execution providers', executionProviders.join(', ')],
    ['memory', memoryBytes === undefined ? 'none' : `${memoryBytes / 1024 ** 2} MiB`],
  ]);
}

function metricPairs(before: Compared['verdict'], after: Compared['verdict']): MetricPair[] {
  // What rules name comes first, in their order.
  const named = [after, before].flatMap((verdict) => Object.keys(verdict?.rules.metrics ?? {}));
  const others = [after, before].flatMap((verdict) => Object.keys(verdict?.metrics ?? {}));
  return [...new Set([...named, ...others])].map((name) => {
    const from = before?.metrics[name]?.candidate ?? null;
    const to = after?.metrics[name]?.candidate ?? null;
    return { name, from, to, difference: from === null || to === null ? null : to - from };
  });
}
