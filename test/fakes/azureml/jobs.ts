import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Answer,
  type Asked,
  canonical,
  field,
  inView,
  object,
  page,
  systemData,
  text,
  userError,
} from './answer.ts';
import { type Compute, runCommand } from './command.ts';
import { hasEnded, type Job, newJob, type RunError, type Step, TERMINAL } from './job.ts';
import { runPipeline } from './pipeline.ts';
import { runSweep } from './sweep.ts';

export interface Jobs {
  all: Map<string, Job>;
  answer(asked: Asked): Answer;
  /** From now on jobs whose names match go this way. */
  script(steps: Step[], name?: RegExp): void;
  /** Puts a job there that nobody runs: an earlier attempt, or somebody else's. */
  add(name: string, properties: Record<string, unknown>, about: Partial<Job>): Job;
  /** Cancels a job, as a person does it on the job's page. */
  cancel(name: string): void;
  stop(): Promise<void>;
}

export interface JobsOptions extends Compute {
  workspaceId: string;
  location: string;
  pageSize: number;
  /** How long each state is shown that nothing happens in. */
  paceMs: number;
  /** What is told of a submission: `undefined` when it may run. */
  refuse(properties: Record<string, unknown>): Answer | undefined;
  /** What a cancellation is answered: at once, or only that it has been taken. */
  cancelAnswer(): 200 | 202;
}

/** What is told of a job that was sent without it. */
const NEW = { tags: {}, properties: {}, experimentName: 'Default', isArchived: false };
const MUTABLE = new Set(['description', 'tags', 'displayName', 'properties', 'isArchived']);
/** What the service adds; a client may send it back. */
const OWN = new Set(['status', 'services', 'parameters']);
const BEFORE: Step[] = [
  { state: 'NotStarted' },
  { state: 'Starting' },
  { state: 'Provisioning' },
  { state: 'Preparing' },
  { state: 'Queued' },
  'run',
];

export function openJobs(options: JobsOptions): Jobs {
  const { workspaceId, paceMs, pageSize } = options;
  const all = new Map<string, Job>();
  const scripts: { name: RegExp; steps: Step[] }[] = [];

  const begin = (job: Job, work: () => Promise<RunError | undefined>) => {
    all.set(job.name, job);
    const steps = scripts.find(({ name }) => job.name.search(name) !== -1)?.steps ?? BEFORE;
    job.ended = walk(job, steps, work).catch((error: unknown) => {
      end(job, { code: 'ServiceError', message: String(error) });
    });
    return job;
  };

  const walk = async (job: Job, steps: Step[], work: () => Promise<RunError | undefined>) => {
    const { signal } = job.abort;
    for (const step of steps) {
      if (signal.aborted || hasEnded(job)) break;
      if (step === 'run') {
        job.status = 'Running';
        job.startedAt = new Date();
        end(job, await work());
        break;
      }
      if (step.error !== undefined) job.error = step.error;
      if (step.state === 'Running') job.startedAt ??= new Date();
      job.status = step.state;
      if (TERMINAL.includes(step.state)) job.endedAt = new Date();
      await pause(step.ms ?? paceMs, signal);
    }
    if (!hasEnded(job)) end(job, undefined);
  };

  const start = (name: string, properties: Record<string, unknown>, parent?: string): Job => {
    const job = newJob(name, properties, parent);
    const deps = {
      compute: options,
      child: (child: string, sent: Record<string, unknown>) => start(child, sent, name),
      job,
    };
    const type = properties['jobType'];
    if (type === 'Sweep') return begin(job, () => runSweep(deps));
    if (type === 'Pipeline') return begin(job, () => runPipeline(deps));
    return begin(job, () => runCommand(commandOf(properties), job, options));
  };

  const cancel = (job: Job) => {
    if (hasEnded(job)) return;
    job.status = 'CancelRequested';
    for (const one of all.values()) if (one.parent === job.name) cancel(one);
    // A moment later, so that somebody can see that it was requested.
    setTimeout(() => job.abort.abort(), paceMs);
  };

  const shown = (job: Job) => ({
    id: `${workspaceId}/jobs/${job.name}`,
    name: job.name,
    type: 'Microsoft.MachineLearningServices/workspaces/jobs',
    properties: {
      ...job.properties,
      status: job.shown ?? job.status,
      services: {
        Tracking: { jobServiceType: 'Tracking', endpoint: 'azureml://tracking', properties: null },
        Studio: {
          jobServiceType: 'Studio',
          endpoint: `https://ml.azure.com/runs/${job.name}?wsid=${workspaceId}`,
          properties: null,
        },
      },
    },
    systemData: systemData(job.createdAt),
  });

  const put = (name: string, body: unknown): Answer => {
    const given = object(field(body, 'properties'));
    const before = all.get(name);
    if (before !== undefined) {
      const changed = Object.entries(given)
        .filter(([key, value]) => canonical(value) !== canonical(before.properties[key] ?? null))
        .map(([key]) => key)
        .filter((key) => !MUTABLE.has(key) && !OWN.has(key));
      if (changed.length > 0)
        return userError(
          400,
          `A job with this name already exists. If you are trying to create a new job, use a different name. If you are trying to update an existing job, the existing job's ${changed.map(titled).join(', ')} cannot be changed. Only description, tags, displayName, properties, and isArchived can be updated.`,
        );
      for (const key of MUTABLE) if (key in given) before.properties[key] = given[key];
      return { status: 200, body: shown(before) };
    }
    const refused = options.refuse(given);
    if (refused !== undefined) return refused;
    const job = start(name, { ...NEW, ...given });
    return { status: 201, body: shown(job) };
  };

  const list = (asked: Asked): Answer => {
    const { query } = asked;
    const tag = query.get('tag');
    const listed = [...all.values()].filter(
      ({ properties, parent }) =>
        parent === undefined &&
        inView(query, properties) &&
        (query.get('jobType') ?? properties['jobType']) === properties['jobType'] &&
        (tag === null || field(properties['tags'], tag) !== undefined),
    );
    return page(listed.toReversed(), asked, pageSize, shown);
  };

  return {
    all,
    script: (steps, name = /(?:)/) => void scripts.unshift({ name, steps }),
    add(name, properties, about) {
      const job = Object.assign(newJob(name, { ...NEW, ...properties }), about);
      all.set(name, job);
      return job;
    },
    cancel(name) {
      const job = all.get(name);
      if (job !== undefined) cancel(job);
    },
    answer(asked) {
      const [, name, action] = asked.parts;
      if (name === undefined) return list(asked);
      if (asked.method === 'PUT') return put(name, asked.body);
      const job = all.get(name);
      if (job === undefined) return userError(404, `Job ${name} not found.`);
      if (action === 'cancel') {
        cancel(job);
        if (options.cancelAnswer() === 200) return { status: 200 };
        const provider = workspaceId.replace(/\/resourceGroups\/.*/, '');
        const location = `${asked.url}${provider}/providers/Microsoft.MachineLearningServices/locations/${options.location}/mfeOperationResults/jc:${name}?api-version=2022-10-01`;
        return { status: 202, headers: { location } };
      }
      if (asked.method === 'DELETE') {
        if (!hasEnded(job)) return userError(400, `Job ${name} has not ended.`);
        all.delete(name);
        return { status: 200 };
      }
      return { status: 200, body: shown(job) };
    },
    async stop() {
      for (const job of all.values()) job.abort.abort();
      await Promise.all([...all.values()].map(({ ended }) => ended));
    },
  };
}

function end(job: Job, error: RunError | undefined): void {
  if (hasEnded(job)) return;
  job.endedAt = new Date();
  if (job.abort.signal.aborted) {
    job.status = 'Canceled';
    return;
  }
  job.error ??= error;
  job.status = error === undefined ? 'Completed' : 'Failed';
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    // Longer than a timer can be is forever; until the job is cancelled.
    await sleep(Math.min(ms, 2 ** 31 - 1), undefined, { signal, ref: false });
  } catch {
    // Cancelled.
  }
}

const titled = (key: string): string => key.slice(0, 1).toUpperCase() + key.slice(1);

/** What of a command job's properties is the work. */
export function commandOf(properties: Record<string, unknown>) {
  const timeout = text(field(properties['limits'], 'timeout'));
  return {
    command: text(properties['command']) ?? '',
    codeId: text(properties['codeId']),
    inputs: object(properties['inputs']),
    outputs: object(properties['outputs']),
    environmentVariables: object(properties['environmentVariables']),
    timeoutMs: timeout === undefined ? undefined : milliseconds(timeout),
  };
}

/** Of an ISO 8601 duration such as `PT1H30M`. */
function milliseconds(duration: string): number {
  const [, days, hours, minutes, seconds] =
    /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(duration) ?? [];
  const [d, h, m, s] = [days, hours, minutes, seconds].map((value = '0') => Number(value));
  return ((((d ?? 0) * 24 + (h ?? 0)) * 60 + (m ?? 0)) * 60 + (s ?? 0)) * 1000;
}
