import { describe, expect, it } from 'vitest';
import { durationMs, endedBadly } from './ended-badly.ts';

const NAME = 'edgeloop-churn-0123456789ab';

/** A job that ended in a state after so many seconds, with a limit of a minute. */
function ended(
  state: string,
  seconds: number,
  more: { tail?: string[]; error?: { code: string; message: string } } = {},
) {
  const details = { state, started: 0, ended: seconds * 1000, error: more.error, logFiles: {} };
  const limits = { jobLimitsType: 'Command' as const, timeout: 'PT60S' };
  const properties = { jobType: 'Command' as const, command: 'true', environmentId: 'azureml:x:1', limits };
  const page = 'https://ml.azure.com/runs/x';
  return endedBadly({ name: NAME, state, job: { properties }, details, tail: more.tail ?? [], page });
}

describe('a job that has not ended well', () => {
  it('failed, with what the service and the program say', () => {
    const error = { code: 'ImportError', message: 'No module named lightgbm' };
    const tail = ['Traceback', 'ModuleNotFoundError: lightgbm'];
    const failed = ended('Failed', 30, { error, tail });
    expect(failed).toMatchObject({ code: 'training-failed', exitCode: 1 });
    expect(failed.message).toBe(
      `the job ${NAME} failed after 0.5 minutes: ImportError, "No module named lightgbm". Its last lines:
  Traceback
  ModuleNotFoundError: lightgbm
All of it is at https://ml.azure.com/runs/x`,
    );
  });

  it('was cancelled by somebody before its limit', () => {
    expect(ended('Canceled', 59)).toMatchObject({ code: 'training-cancelled-elsewhere' });
  });

  it('was cancelled by the service at its limit', () => {
    expect(ended('Canceled', 60)).toMatchObject({
      code: 'training-timeout',
      message: expect.stringContaining('took longer than 60 s'),
    });
  });
});

it.each([
  ['PT3600S', 3_600_000],
  ['PT1H30M', 5_400_000],
  ['P1DT2H', 93_600_000],
  ['PT0.5S', 500],
  ['P', undefined],
  ['P1M', undefined],
  ['3600', undefined],
])('reads the limit %s as %s ms', (written, ms) => {
  expect(durationMs(written)).toBe(ms);
});
