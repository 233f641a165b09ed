import { z } from 'zod';
import { TASK_NAMES } from '../config/index.ts';
import { failure } from '../errors.ts';
import { judge } from './gate/gate.ts';
import type { Decision, GateInput } from './gate/input.ts';
import {
  dataRecordSchema,
  latencySchema,
  metricJudgementSchema,
  outcomeSchema,
  rulesSchema,
  sliceRecordSchema,
} from './gate/record.ts';

/** Media type of a recorded verdict. */
export const VERDICT_MEDIA_TYPE = 'application/vnd.edgeloop.verdict.v1+json';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** The gate's recorded decision, with everything that it was made from, so that a later reader can make it again. */
export const verdictSchema = z.strictObject({
  schema: z.literal('edgeloop.verdict/v1'),
  model: z.string(),
  candidate: digest,
  /** `null` for a first release. */
  champion: digest.nullable(),
  holdout: digest,
  task: z.enum(TASK_NAMES),
  /** Rows of the holdout. */
  rows: z.int().positive(),
  /** Column of the truth. */
  label: z.string(),
  /** Column of the sample weights; `null` when all rows count alike. */
  weight: z.string().nullable(),
  /** The user's own command that predicted; `null` when session hosts did. */
  predict: z.string().nullable(),
  rules: rulesSchema,
  bootstrap: z.strictObject({
    resamples: z.int().positive(),
    seed: z.int().nonnegative(),
    level: z.number(),
    interval: z.literal('percentile'),
  }),
  /** Why the champion could not be compared with; `null` when it could, or when there is none. */
  notComparable: z.string().nullable(),
  /** By metric: all that were computed and all that a rule names. */
  metrics: z.record(z.string(), metricJudgementSchema),
  /** `null` when no slices are asked for. */
  slices: sliceRecordSchema.nullable(),
  sizeBytes: z.int().nonnegative(),
  /** The most that the candidate's session host held, rounded up to 64 MiB; `null` where the system does not tell. */
  memoryBytes: z.int().nonnegative().nullable(),
  /** `null` for a candidate without golden samples. */
  latency: latencySchema.nullable(),
  data: dataRecordSchema,
  outcome: outcomeSchema,
  reasons: z.array(z.string()),
  warnings: z.array(z.string()),
});

export type Verdict = z.infer<typeof verdictSchema>;

/** Reads a recorded verdict. Throws `verdict-invalid` for anything else. */
export function parseVerdict(bytes: Uint8Array): Verdict {
  const remedy = 'Make the verdict again with "edgeloop retrain".';
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw failure('verdict-invalid', 'The verdict is not JSON.', remedy, { cause: error });
  }
  const parsed = verdictSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? 'the document' : issue.path.join('.');
  throw failure('verdict-invalid', `The verdict can't be read: ${where}: ${issue?.message}.`, remedy);
}

/** The bytes of a verdict: JSON with sorted keys, so that the same verdict has the same digest everywhere. */
export function verdictBytes(verdict: Verdict): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(sorted(verdictSchema.parse(verdict)), null, 2)}\n`);
}

/** The decision that follows from what a verdict records; differs from its outcome only if somebody altered it. */
export function decideAgain(verdict: Verdict): Decision {
  return judge(recordedInput(verdict));
}

function recordedInput(verdict: Verdict): GateInput {
  const {
    task,
    rows,
    metrics,
    champion,
    notComparable,
    slices,
    rules,
    sizeBytes,
    memoryBytes,
    latency,
    data,
  } = verdict;
  const each = <T>(pick: (judgement: Verdict['metrics'][string]) => T): Record<string, T> =>
    Object.fromEntries(Object.entries(metrics).map(([name, judgement]) => [name, pick(judgement)]));
  return {
    task,
    rows,
    candidate: each((judgement) => judgement.candidate),
    champion: champion === null || notComparable !== null ? null : each((judgement) => judgement.champion),
    notComparable,
    intervals: each((judgement) => judgement.interval),
    slices,
    rules,
    sizeBytes,
    memoryBytes,
    latency,
    data,
  };
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
