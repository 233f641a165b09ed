import type { JobBase } from '@azure/arm-machinelearning';
import { type EdgeloopError, failure } from '../../../errors.ts';
import { minutesOf, type RunDetails } from './run-details.ts';

export interface EndedJob {
  name: string;
  state: string;
  job: JobBase;
  details: RunDetails | undefined;
  /** Its last lines. */
  tail: readonly string[];
  page: string | undefined;
}

/**
 * Why a job has not ended well: `training-timeout` when it ran as long as it was allowed to (the service then cancels
 * it, and says no more than that), `training-cancelled-elsewhere`, `training-failed`.
 */
export function endedBadly(ended: EndedJob): EdgeloopError {
  const { name, state, job, details, tail, page } = ended;
  const minutes = details && minutesOf(details);
  const after = minutes === undefined ? '' : ` after ${minutes.toFixed(1)} minutes`;
  const last = tail.length === 0 ? 'It printed nothing' : `Its last lines:\n  ${tail.join('\n  ')}`;
  const where = page === undefined ? '' : `\nAll of it is at ${page}`;
  const limitMs = limitOf(job);
  if (limitMs !== undefined && minutes !== undefined && minutes * 60_000 >= limitMs) {
    return failure(
      'training-timeout',
      `the job ${name} took longer than ${limitMs / 1000} s, and Azure ended it. ${last}${where}`,
      'Raise "timeout" in edgeloop.yaml, or the limits in the job file.',
    );
  }
  if (state === 'Canceled') {
    return failure(
      'training-cancelled-elsewhere',
      `the job ${name} was cancelled${after}, not from here: Azure does not say by whom. ${last}${where}`,
      'Run the same command again: it makes another attempt.',
    );
  }
  return failure(
    'training-failed',
    `the job ${name} failed${after}${errorOf(details)}. ${last}${where}`,
    'Correct what it tells and run the same command again: it makes another attempt.',
  );
}

function errorOf(details: RunDetails | undefined): string {
  if (details?.error === undefined) return '';
  const { code, message } = details.error;
  const told = [code, message && `"${message.trim()}"`].filter(Boolean).join(', ');
  return told === '' ? '' : `: ${told}`;
}

/** The job's own limit, in milliseconds. */
function limitOf({ properties }: JobBase): number | undefined {
  const limits: unknown = Reflect.get(properties, 'limits');
  const timeout = typeof limits === 'object' && limits !== null ? Reflect.get(limits, 'timeout') : undefined;
  return typeof timeout === 'string' ? durationMs(timeout) : undefined;
}

/** ISO 8601 as Azure writes it, from days to seconds: `PT3600S`, `PT1H30M`, `P1DT2H`; undefined for anything else. */
export function durationMs(written: string): number | undefined {
  const found = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(written);
  if (found === null || written === 'P') return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = found.slice(1).map((part) => Number(part ?? 0));
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
}
