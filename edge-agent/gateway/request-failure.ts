import { EdgeloopError, failure } from '../../src/errors.ts';

/** What a request is answered with when it is not answered: HTTP status and a coded error. */
export interface RequestFailure {
  status: number;
  error: EdgeloopError;
  /** Seconds after which the client may try again. */
  retryAfter?: number;
}

const STATUS: Readonly<Record<string, number>> = {
  'tensor-invalid': 400,
  'request-invalid': 400,
  'input-missing': 400,
  'input-unexpected': 400,
  'input-mismatch': 400,
  'output-unknown': 400,
  'session-run-failed': 400,
  'model-unknown': 404,
  'version-unknown': 404,
  'path-unknown': 404,
  'method-not-allowed': 405,
  'body-too-large': 413,
  // Nobody reads this answer; it is for the metrics.
  'client-gone': 499,
  'queue-full': 503,
  'bodies-too-large': 503,
  'model-not-ready': 503,
  ending: 503,
  'deadline-exceeded': 504,
};

/** The status that an error is answered with; anything that is not listed is a failure of ours or the model's: 500. */
export function requestFailure(error: unknown): RequestFailure {
  const coded =
    error instanceof EdgeloopError
      ? error
      : failure('internal', 'the request could not be answered', 'See the log of the agent.', {
          cause: error,
        });
  const status = STATUS[coded.code] ?? 500;
  return { status, error: coded, ...(status === 503 ? { retryAfter: 1 } : {}) };
}

export const queueFull = (model: string, limit: number) =>
  failure('queue-full', `${limit} requests for "${model}" are waiting already`, 'Send it again in a second.');

export const modelNotReady = (model: string) =>
  failure('model-not-ready', `"${model}" has no version yet`, 'Send it again when /v2/health/ready says so.');

export const modelUnknown = (model: string) =>
  failure('model-unknown', `no model "${model}" on this device`, 'POST /v2/repository/index names them.');

export const versionUnknown = (model: string, version: string) =>
  failure(
    'version-unknown',
    `"${model}" has no version "${version}" on this device`,
    'Leave the version out, or take one that POST /v2/repository/index names.',
  );

export const deadlineExceeded = (model: string, ms: number) =>
  failure('deadline-exceeded', `"${model}" did not answer within ${ms} ms`, 'Send fewer requests at once.');

export const clientGone = () =>
  failure('client-gone', 'the client closed the connection before the answer', 'Nothing to do.');

export const killsSessionHost = (model: string, attempts: number) =>
  failure(
    'request-ends-session-host',
    `the session host of "${model}" died ${attempts} times while it ran this request`,
    'Do not send this input again; see the log of the agent.',
  );

export const outputNaN = (name: string) =>
  failure('output-nan', `output "${name}" holds NaN`, 'Check the input; the model has no answer to it.');
