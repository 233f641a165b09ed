import { z } from 'zod';
import { dispatchPayloadSchema } from './dispatch-payload.ts';

/** Label that lets the pull request of a fork be trained once. */
const TRAIN_LABEL = 'edgeloop:train';

/** What an event says that matters here. */
export type Event =
  | {
      kind: 'pull request';
      number: number;
      /** Commit of the branch that is to be merged. */
      head: string;
      /** Whether that branch lies in another repository than the one that the workflow runs in. */
      isFork: boolean;
      /** Whether GitHub gives the run a token that only reads: for a fork, and for Dependabot. */
      mayOnlyRead: boolean;
      /** Whether the run has the rights of this repository all the same (`pull_request_target`). */
      hasRights: boolean;
      /** Labels of the pull request. */
      labels: string[];
      /** The label that this event is about, if it is about one that was just put on. */
      labelled: string | undefined;
    }
  | {
      kind: 'dispatch';
      /** Models to look at; `undefined` for all. */
      models: string[] | undefined;
      /** What the payload says of itself, for the log. */
      said: string;
      /** Why the payload counts for nothing. */
      problem: string | undefined;
    }
  | { kind: 'other' };

const pullRequestSchema = z.object({
  action: z.string().optional(),
  label: z.object({ name: z.string() }).optional(),
  pull_request: z.object({
    number: z.int().positive(),
    labels: z.array(z.object({ name: z.string() })).default([]),
    head: z.object({
      sha: z.string().regex(/^[0-9a-f]{40,64}$/),
      // A fork that was deleted meanwhile.
      repo: z.object({ id: z.int() }).nullable(),
    }),
    base: z.object({ repo: z.object({ id: z.int() }) }),
  }),
});

/** Events about a pull request; for all but the last its merge is checked out. */
const PULL_REQUEST_EVENTS = new Set([
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
  'pull_request_target',
]);

/** Runs that it starts get a token like a fork's (GitHub, "Dependabot on GitHub Actions"). */
const DEPENDABOT = 'dependabot[bot]';

/** Reads the event that somebody, the actor, started a run with; throws an `Error` that says what differs for a pull request of another shape than GitHub's. */
export function readEvent(name: string, payload: unknown, actor = ''): Event {
  if (PULL_REQUEST_EVENTS.has(name)) {
    const parsed = pullRequestSchema.safeParse(payload);
    if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
    const { action, label, pull_request: pull } = parsed.data;
    const isFork = pull.head.repo?.id !== pull.base.repo.id;
    return {
      kind: 'pull request',
      number: pull.number,
      head: pull.head.sha,
      isFork,
      mayOnlyRead: isFork || actor === DEPENDABOT,
      hasRights: name === 'pull_request_target',
      labels: pull.labels.map((one) => one.name),
      labelled: action === 'labeled' ? label?.name : undefined,
    };
  }
  if (name !== 'repository_dispatch') return { kind: 'other' };
  const given = z.object({ client_payload: z.unknown() }).safeParse(payload).data?.client_payload ?? {};
  const parsed = dispatchPayloadSchema.safeParse(given);
  if (!parsed.success) {
    const problem = parsed.error.issues
      .map(({ path, message }) => `${path.join('.')}: ${message}`)
      .join('; ');
    return { kind: 'dispatch', models: undefined, said: '', problem };
  }
  const { models, source, job } = parsed.data;
  const said = [source, job].filter((part) => part !== undefined).join(', ');
  return { kind: 'dispatch', models, said, problem: undefined };
}

const NEVER_WITH_RIGHTS =
  "on pull_request_target a fork's code would run with the rights of this repository: let the workflow run on pull_request";

/** Whether a run may train, and may keep what it trained. */
export type Permission = { may: 'keep' } | { may: 'judge' } | { may: 'nothing'; why: string };

/**
 * A fork's code is trained only when a maintainer has just said so, since the label stays where a later push changes
 * the code; and what it makes is judged, never kept where a release would find it.
 */
export function trainingPermission(event: Event): Permission {
  if (event.kind !== 'pull request' || !event.mayOnlyRead) return { may: 'keep' };
  if (event.isFork && event.hasRights) return { may: 'nothing', why: NEVER_WITH_RIGHTS };
  if (!event.isFork || event.labelled === TRAIN_LABEL) return { may: 'judge' };
  return {
    may: 'nothing',
    why: `pull request #${event.number} comes from a fork: nothing of it runs here until a maintainer has read it and puts the label ${TRAIN_LABEL} on it, after each push anew`,
  };
}
