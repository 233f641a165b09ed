import { isDeepStrictEqual } from 'node:util';
import { EdgeloopError, messageOf } from '../../errors.ts';
import type { Repository } from '../../oci/index.ts';
import type { Release } from '../../versioning/index.ts';
import { repositoryOf, type Workspace } from '../workspace.ts';

/** Two mirrors that disagree, or something that is missing or damaged. */
export interface Finding {
  /** Stable, `lower-kebab-case`. */
  code: string;
  model: string;
  /** What was looked at: a tag, a digest, a channel. */
  subject: string;
  /** What is wrong, in words. */
  message: string;
  /** What each side says, by its name; `null` where it says nothing. Absent when something could not be read at all. */
  values?: Record<string, string | null>;
  mend: string;
}

/**
 * Makes what is missing again from what it derives from, and says what it did; `undefined` when that can't be done here.
 * It can be done twice, and be cut off.
 */
export type Repair = () => Promise<string | undefined>;

/** A finding and, for what only needs re-deriving, how. */
export interface Repairable {
  finding: Finding;
  repair: Repair | undefined;
}

const WITHOUT_IDENTITY: ReadonlySet<string> = new Set(['azure-no-identity', 'azure-identity-failed']);

/** What every check of a model is given. */
export interface Checking {
  workspace: Workspace;
  model: string;
  repository: Repository;
  /** Once for each finding, however often it is met. */
  report: (finding: Omit<Finding, 'model'>, repair?: Repair) => void;
  /** Makes a check; what it cannot read at all is a finding like any other, and does not keep others from being made. */
  attempt: <T>(subject: string, check: () => Promise<T>) => Promise<T | undefined>;
}

/** A model and the releases that git has of it, the highest version first. */
export interface CheckingAll extends Checking {
  releases: Release[];
  /** Tags that `origin` has and this clone lacks: they are reported, and what follows from it is not. */
  unfetched: ReadonlySet<string>;
  /** Versions that are not to be rolled out any more. */
  deprecated: ReadonlySet<string>;
}

/** Begins the checks of a model; `found` fills while they are made. */
export function startChecking(workspace: Workspace, model: string): Checking & { found: Repairable[] } {
  const found: Repairable[] = [];
  const report: Checking['report'] = (finding, repair) => {
    // What cannot be read is met by each check that needs it.
    if (!found.some((one) => isDeepStrictEqual(one.finding, { ...finding, model })))
      found.push({ finding: { ...finding, model }, repair });
  };
  return {
    workspace,
    model,
    repository: repositoryOf(workspace, model),
    found,
    report,
    async attempt(subject, check) {
      try {
        return await check();
      } catch (error) {
        workspace.deps.signal.throwIfAborted();
        // Whoever is nobody can read nothing: each check would ask all identities anew.
        if (!(error instanceof EdgeloopError) || WITHOUT_IDENTITY.has(error.code)) throw error;
        report(unreadable(subject, error));
        return undefined;
      }
    },
  };
}

/** What could not be read or written, as a finding. */
export function unreadable(subject: string, error: EdgeloopError): Omit<Finding, 'model'> {
  return { code: error.code, subject, message: messageOf(error), mend: error.remedy };
}
