import type { Lock } from './lock.ts';

/** One version of a model, as git records it. */
export interface Release {
  version: string;
  lock: Lock;
  tag: string;
  commit: string;
  /** When it was released, RFC 3339. */
  date: string;
}
