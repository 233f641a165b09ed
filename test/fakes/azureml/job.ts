export type JobStatus =
  | 'NotStarted'
  | 'Starting'
  | 'Provisioning'
  | 'Preparing'
  | 'Queued'
  | 'Running'
  | 'Finalizing'
  | 'CancelRequested'
  | 'Completed'
  | 'Failed'
  | 'Canceled'
  | 'NotResponding'
  | 'Paused'
  | 'Unknown';

export interface RunError {
  code: string;
  message: string;
}

export interface Metric {
  key: string;
  value: number;
  timestamp: number;
  step: number;
}

/** One way through the states: those that are shown for so long, and `run`, which is the true work. */
export type Step = 'run' | { state: JobStatus; ms?: number; error?: RunError };

/** A job as the stand-in knows it; a test may look at all of it, and change what says so. */
export interface Job {
  name: string;
  /** What was sent, and what the service has added. */
  properties: Record<string, unknown>;
  /** What is true. */
  status: JobStatus;
  /** All states so far. */
  walked: JobStatus[];
  /** What is told instead, from the moment that a test sets it until it is `undefined` again. */
  shown: JobStatus | undefined;
  createdAt: Date;
  startedAt: Date | undefined;
  endedAt: Date | undefined;
  error: RunError | undefined;
  /** `user_logs/std_log.txt` so far. */
  log: Buffer;
  metrics: Metric[];
  parent: string | undefined;
  abort: AbortController;
  /** Resolves when it has ended. */
  ended: Promise<void>;
  /** Appends to its log, and logs a metric for each line `::metric NAME VALUE`. */
  say(text: string | Buffer): void;
}

export const TERMINAL: JobStatus[] = ['Completed', 'Failed', 'Canceled'];

export const hasEnded = ({ status }: Job): boolean => TERMINAL.includes(status);

/** A job that has not begun. */
export function newJob(name: string, properties: Record<string, unknown>, parent?: string): Job {
  let line = '';
  const walked: JobStatus[] = ['NotStarted'];
  const job: Job = {
    name,
    properties,
    get status() {
      return walked.at(-1) ?? 'Unknown';
    },
    set status(next) {
      if (next !== walked.at(-1)) walked.push(next);
    },
    walked,
    shown: undefined,
    createdAt: new Date(),
    startedAt: undefined,
    endedAt: undefined,
    error: undefined,
    log: Buffer.alloc(0),
    metrics: [],
    parent,
    abort: new AbortController(),
    ended: Promise.resolve(),
    say(text) {
      job.log = Buffer.concat([job.log, Buffer.from(text)]);
      const lines = (line + text.toString()).split('\n');
      line = lines.pop() ?? '';
      for (const one of lines) {
        const [, key, value] = /^::metric (\S+) (\S+)\s*$/.exec(one) ?? [];
        if (key === undefined) continue;
        const step = job.metrics.filter((metric) => metric.key === key).length;
        job.metrics.push({ key, value: Number(value), timestamp: Date.now(), step });
      }
    },
  };
  return job;
}
