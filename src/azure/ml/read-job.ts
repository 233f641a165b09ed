import type { JobBase } from '@azure/arm-machinelearning';

/** The job's state as Azure words it. */
export function stateOf({ properties }: JobBase): string {
  return properties.status ?? 'Unknown';
}

/** Where people look at a job. */
export function pageOf({ properties }: JobBase): string | undefined {
  return properties.services?.['Studio']?.endpoint;
}

/** The name of a sweep's best trial, which is a job of its own, once there is one. */
export function bestTrialOf({ properties }: JobBase): string | undefined {
  return (properties.jobType === 'Sweep' && properties.properties?.['best_child_run_id']) || undefined;
}
