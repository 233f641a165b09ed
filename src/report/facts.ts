import type { Distribution, Predictions, Verdict } from '../evaluation/index.ts';

/** Everything that a report says; plain data, so that whoever has it can render it. */
export interface ReportFacts {
  verdict: Verdict;
  /** Version of the champion; absent for a first release or a champion without one. */
  championVersion?: string;
  /** Size of the champion's files. */
  championBytes?: number;
  /** The most that the champion's session host held, where its card tells. */
  championMemoryBytes?: number;
  /** What differs from the champion's training, a sentence each; absent when there is nothing to compare with. */
  changes?: readonly string[];
  /** What the model was trained on, beside the champion's. */
  data?: DataFacts;
  /** What a reviewer must know before anything else, a sentence each; besides the verdict's own warnings. */
  warnings?: readonly string[];
  /** What a service took to train the candidate now; absent when nothing was trained there. */
  spent?: SpentFacts;
  /** Absent when the candidate was refused. */
  next?: { version: string; bump: string; reasons: string[] };
  /** The version that these very bytes have already; absent when they have none. */
  released?: string;
  /** Commands that repeat training and judgement on a laptop, in order. */
  reproduce: string[];
}

export interface SpentFacts {
  job: string;
  /** Where people look at it. */
  page: string | undefined;
  /** Of all attempts; undefined where the service does not say. */
  minutes: number | undefined;
  /** Money, where a rate is given. */
  cost: number | undefined;
  /** What the training says of itself, which nothing is judged by. */
  metrics: Record<string, number>;
}

export interface DataFacts {
  /** Rows of the training data; `null` when they are no tables. */
  rows: number | null;
  /** The same of the champion's; `null` also when there is no champion. */
  championRows: number | null;
  /** Columns that fill inputs now and did not then, and the other way round. */
  columnsAdded: readonly string[];
  columnsRemoved: readonly string[];
  /** How the features were distributed in the champion's training data, and are in today's and in the holdout. */
  distributions: { train: readonly Distribution[]; holdout: readonly Distribution[] };
}

/** What plots are drawn from, besides the facts. */
export interface PlotFacts {
  /** On the holdout; the champion's in the candidate's numbering of the classes, `null` when there are none. */
  candidate: Predictions;
  champion: Predictions | null;
}
