import { EdgeloopError, failure, messageOf } from '../../errors.ts';

/** One thing that was looked at. */
export interface Check {
  /** Stable, `lower-kebab-case`: what was looked at. */
  code: string;
  /** `skipped`: nobody could be asked, for the reason in the message. */
  status: 'ok' | 'warn' | 'fail' | 'skipped';
  message: string;
  /** What can be done about it; several lines where it is several commands. */
  mend?: string;
}

export type Found = Omit<Check, 'code'>;

/** No check takes longer. */
const LIMIT_MS = 20_000;

export const ok = (message: string): Found => ({ status: 'ok', message });
export const warn = (message: string, mend: string): Found => ({ status: 'warn', message, mend });
export const skipped = (message: string, mend?: string): Found => ({
  status: 'skipped',
  message,
  ...(mend !== undefined && { mend }),
});

/** Makes one check; an expected error, and no answer in time, is one that failed. `work` must end with its signal. */
export async function check(
  code: string,
  user: AbortSignal,
  work: (signal: AbortSignal) => Found | Promise<Found>,
  limitMs = LIMIT_MS,
): Promise<Check> {
  const limit = AbortSignal.timeout(limitMs);
  const late = failure(
    'no-answer',
    `no answer came within ${limitMs / 1000} s`,
    'Check the network between here and there: a proxy (HTTPS_PROXY), a firewall, a private endpoint.',
  );
  const { promise: ended, reject } = Promise.withResolvers<never>();
  limit.addEventListener('abort', () => reject(late), { once: true });
  try {
    return { code, ...(await Promise.race([work(AbortSignal.any([user, limit])), ended])) };
  } catch (thrown) {
    user.throwIfAborted();
    const error = limit.aborted ? late : thrown;
    if (!(error instanceof EdgeloopError)) throw error;
    return { code, status: 'fail', message: messageOf(error), mend: error.remedy };
  }
}
