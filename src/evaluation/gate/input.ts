import type {
  DataRecord,
  Interval,
  Latency,
  MetricJudgement,
  Outcome,
  Rules,
  SliceRecord,
} from './record.ts';

/** Recorded values, and nothing else, from which the gate decides. `null` is a value that could not be measured. */
export interface GateInput {
  /** Says which metrics there are, and which way each is better. */
  task: string;
  /** Of the holdout. */
  rows: number;
  /** By metric. */
  candidate: Record<string, number | null>;
  /** `null` when there is none, or none that can be compared. */
  champion: Record<string, number | null> | null;
  /** Why the champion can't be scored on today's holdout although its model signature is another one; else `null`. */
  notComparable: string | null;
  /** Of the improvement, by metric; empty when nothing is compared. */
  intervals: Record<string, Interval | null>;
  /** `null` when it was not measured. */
  slices: SliceRecord | null;
  rules: Rules;
  /** Size of the candidate's files. */
  sizeBytes: number | null;
  /** The most that its session host held. */
  memoryBytes: number | null;
  latency: Latency | null;
  data: DataRecord | null;
}

export interface Decision {
  /** `first`: there was no champion and all floors, budgets and data checks hold. */
  outcome: Outcome;
  /** Of a `fail` every reason against the candidate, otherwise what each check found. */
  reasons: string[];
  /** What does not decide, but should be known. */
  warnings: string[];
  metrics: Record<string, MetricJudgement>;
}
