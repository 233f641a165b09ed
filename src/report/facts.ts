import type { Verdict } from '../evaluation/index.ts';

/** Everything that a report says; plain data, so that whoever has it can render it. */
export interface ReportFacts {
  verdict: Verdict;
  /** Version of the champion; absent for a first release or a champion without one. */
  championVersion?: string;
  /** Size of the champion's files. */
  championBytes?: number;
  /** What differs from the champion's training, a sentence each; absent when there is nothing to compare with. */
  changes?: readonly string[];
  /** What a reviewer must know before anything else, a sentence each. */
  warnings?: readonly string[];
  /** Absent when the candidate was refused. */
  next?: { version: string; bump: string; reasons: string[] };
  /** The version that these very bytes have already; absent when they have none. */
  released?: string;
  /** Commands that repeat training and judgement on a laptop, in order. */
  reproduce: string[];
}
