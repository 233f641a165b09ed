import type { KeyedInputs } from './input-key.ts';

/** A training as a service that runs it elsewhere has to know it. */
export interface ServiceTraining {
  model: string;
  /** 64 hex digits. */
  inputKey: string;
  /** The command with its placeholders, or the absolute path of a job file of the service's own, within `code.folder`. */
  work: { run: string } | { jobFile: string };
  params: KeyedInputs['params'];
  /**
   * Exactly what decides the input key besides the data: code and lock file, where they lie in the project. `folder` is
   * absolute and holds nothing else.
   */
  code: { folder: string };
  data: TrainingData;
  /** An environment of the service or an image; undefined where the job file names its own. */
  environment: string | undefined;
  compute: string | undefined;
  instance: string | undefined;
  timeoutMs: number;
  budget: TrainingBudget;
  git: TrainedRevision | undefined;
}

/** The training data: where they lie already, or a folder or file on this disk that holds exactly them. */
export interface TrainingData {
  /** `sha256:<hex>` of the manifest. */
  digest: string;
  files: number;
  bytes: number;
  /**
   * `azureblob://ACCOUNT/CONTAINER/PREFIX`, `azureml:NAME:VERSION`, or an absolute path; `requireSame` throws when what
   * lies there is not, or not any more, what the digest names.
   */
  at: { address: string } | { path: string; requireSame(): Promise<void> };
}

export interface TrainingBudget {
  maxMinutes: number | undefined;
  maxCost: number | undefined;
  /** In the currency of `maxCost`. */
  hourlyRate: number | undefined;
}

export interface TrainedRevision {
  commit: string;
  branch: string | undefined;
  /** URL of `origin`, without anything that could be a secret. */
  repository: string | undefined;
  isDirty: boolean;
}

/** A job that runs, or has run, this very training. */
export interface ServiceJob {
  name: string;
  /** Where people look at it. */
  page: string | undefined;
  /** False when it had been submitted before, by whomever. */
  submitted: boolean;
  /** True when it has ended well already. */
  isEnded: boolean;
  /** What earlier attempts at the same training took, failed as they may have. */
  earlierMinutes: number;
}

/** A job that has ended well. */
export interface FinishedJob {
  name: string;
  /** What it took; undefined where the service does not say. */
  minutes: number | undefined;
  /** What the training says of itself: shown, and never judged by. */
  metrics: Record<string, number>;
}

/** Tells what is being done, as the program's log takes it. */
export type ServiceLog = (
  level: 'info' | 'warn',
  message: string,
  fields?: Record<string, string | number | boolean>,
) => void;
