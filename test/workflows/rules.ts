import { z } from 'zod';
import { parse } from 'yaml';

const stepSchema = z.looseObject({
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).default({}),
});

const jobSchema = z.looseObject({
  uses: z.string().optional(),
  permissions: z.record(z.string(), z.string()).optional(),
  'timeout-minutes': z.number().optional(),
  steps: z.array(stepSchema).default([]),
});

const workflowSchema = z.looseObject({
  permissions: z.unknown(),
  jobs: z.record(z.string(), jobSchema),
});

export type Step = z.output<typeof stepSchema>;

/** The steps of a workflow's jobs, in order. */
export function stepsOf(content: string): Step[] {
  return Object.values(workflowSchema.parse(parse(content)).jobs).flatMap(({ steps }) => steps);
}

/** What in a workflow breaks the rules of the house; `uses` says what it may call. */
export function breachesIn(content: string, uses: RegExp): string[] {
  const { permissions, jobs } = workflowSchema.parse(parse(content));
  const breaches = JSON.stringify(permissions) === '{}' ? [] : ['permissions on top are not {}'];
  for (const [name, job] of Object.entries(jobs)) {
    if (job.permissions === undefined) breaches.push(`${name} has no permissions`);
    // GitHub takes none for a job that is another workflow: its jobs have their own.
    if (job.uses === undefined && job['timeout-minutes'] === undefined)
      breaches.push(`${name} has no timeout`);
    const called = [job.uses, ...job.steps.map((step) => step.uses)];
    for (const use of called) if (use !== undefined && !uses.test(use)) breaches.push(`${name} uses ${use}`);
    for (const { run } of job.steps)
      if (run?.includes('${{') === true) breaches.push(`${name} interpolates into ${JSON.stringify(run)}`);
    for (const step of job.steps) {
      const isCheckout = step.uses?.startsWith('actions/checkout@') === true;
      if (isCheckout && step.with['persist-credentials'] !== false)
        breaches.push(`${name} leaves the token on the disk`);
    }
  }
  return breaches;
}
