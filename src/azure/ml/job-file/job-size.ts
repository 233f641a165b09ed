import type { CommandJob, PipelineJob, SweepJob } from '@azure/arm-machinelearning';
import { z } from 'zod';

/** How much more than one machine for one time limit a job may take. */
export interface JobSize {
  /** Time limits one after the other. */
  steps: number;
  /** Machines, each for one time limit. */
  machines: number;
}

const stepSchema = z.object({
  resources: z.object({ instance_count: z.number().optional() }).optional(),
  limits: z
    .object({ max_total_trials: z.number().optional(), max_concurrent_trials: z.number().optional() })
    .optional(),
});

/**
 * What a job takes at most. Of a registered component, and of a sweep's within a pipeline, only the service knows how many
 * machines it wants, if its step does not say so: one is counted.
 */
export function sizeOf(job: CommandJob | SweepJob | PipelineJob): JobSize {
  if (job.jobType === 'Command') return { steps: 1, machines: job.resources?.instanceCount ?? 1 };
  if (job.jobType === 'Sweep') {
    const { limits, trial } = job;
    const trials = atOnce(limits?.maxTotalTrials, limits?.maxConcurrentTrials);
    return { steps: 1, machines: trials * (trial.resources?.instanceCount ?? 1) };
  }
  const steps = Object.values(job.jobs ?? {}).map((step) => stepSchema.parse(step));
  const machines = steps.map(
    ({ resources, limits }) =>
      (resources?.instance_count ?? 1) * atOnce(limits?.max_total_trials, limits?.max_concurrent_trials),
  );
  return { steps: steps.length, machines: machines.reduce((sum, count) => sum + count, 0) };
}

/** All of a sweep's trials where nobody says how many at once. */
const atOnce = (total = 1, concurrent = total): number => Math.min(total, concurrent);
