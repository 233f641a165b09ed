import { failure, messageOf } from '../../src/errors.ts';
import type { ModelSignature, Session, startSession, Tensor } from '../../src/onnx/index.ts';
import type { HeldReport } from '../messages.ts';
import type { Log } from '../settings.ts';

/** One version to hold: what it is, where its model file lies, and what a client sees of it. */
export interface VersionSpec {
  model: string;
  version: string;
  digest: string;
  modelFile: string;
  signature: ModelSignature;
}

/** A version with its session host, which is restarted when it dies once `supervise` was called. */
export interface HeldVersion {
  readonly spec: VersionSpec;
  /** The session host's own account of the model, from its first start. */
  readonly info: Session['info'];
  up(): boolean;
  /** Up, and another request may be sent to it. */
  free(): boolean;
  report(): HeldReport;
  /** Rejects with `session-run-failed`, or `session-died` (then another attempt may succeed). */
  run(inputs: Tensor[], outputs?: string[]): Promise<Tensor[]>;
  supervise(): void;
  /** Counts something that a probation must not see. */
  fault(reason: string): void;
  /** Ends a host that hangs; supervision starts another one. */
  kill(): void;
  /** Takes no more requests; resolves when those in flight are answered and the host has ended. */
  close(): Promise<void>;
}

export interface HoldDeps {
  startSession: typeof startSession;
  log: Log;
  /** The host came up, died, or finished a request. */
  onChange(): void;
  onFault(held: HeldVersion, reason: string): void;
}

/** Two requests per host keep it busy while answers travel; more would only wait where no other host can take them. */
const IN_FLIGHT_LIMIT = 2;
const STABLE_MS = 10_000;
const LONGEST_PAUSE_MS = 10_000;

/** Starts a session host for a version. Rejects when the model cannot be loaded or its host dies meanwhile. */
export async function holdVersion(spec: VersionSpec, deps: HoldDeps): Promise<HeldVersion> {
  const first = await deps.startSession({ modelFile: spec.modelFile, lowPriorityWhileLoading: true });
  let session: Session | undefined;
  let startedAt = 0;
  let deathsInARow = 0;
  let restarts = 0;
  let faults = 0;
  let inFlight = 0;
  let supervised = false;
  let closing = false;
  let retry: NodeJS.Timeout | undefined;

  const attach = (fresh: Session) => {
    session = fresh;
    startedAt = performance.now();
    void fresh.died.then(({ reason }) => ended(fresh, reason));
  };
  const ended = (which: Session, reason: string) => {
    if (session !== which) return;
    session = undefined;
    deathsInARow = performance.now() - startedAt > STABLE_MS ? 1 : deathsInARow + 1;
    if (closing) return;
    held.fault(`its session host died: ${reason}`);
    if (supervised) scheduleRestart();
    deps.onChange();
  };
  const scheduleRestart = () => {
    // The first restart is at once; a host that keeps dying is not allowed to take the processor from the others.
    const pause = deathsInARow <= 1 ? 0 : Math.min(100 * 2 ** (deathsInARow - 2), LONGEST_PAUSE_MS);
    clearTimeout(retry);
    retry = setTimeout(() => void restart(), pause);
  };
  const restart = async () => {
    if (closing || session !== undefined) return;
    restarts += 1;
    const fields = { model: spec.model, version: spec.version, digest: spec.digest };
    try {
      const fresh = await deps.startSession({ modelFile: spec.modelFile, lowPriorityWhileLoading: false });
      if (closing) return void (await fresh.close());
      attach(fresh);
      deps.log('warn', 'session host restarted', { ...fields, restarts });
      deps.onChange();
    } catch (error) {
      if (closing) return;
      deathsInARow += 1;
      held.fault(`its session host could not be restarted: ${messageOf(error)}`);
      scheduleRestart();
    }
  };

  const held: HeldVersion = {
    spec,
    info: first.info,
    up: () => session !== undefined && !closing,
    free: () => session !== undefined && !closing && inFlight < IN_FLIGHT_LIMIT,
    report: () => ({
      version: spec.version,
      digest: spec.digest,
      provider: first.info.provider,
      up: session !== undefined,
      restarts,
      faults,
    }),
    async run(inputs, outputs) {
      if (session === undefined) {
        throw failure('session-died', `version ${spec.version} has no session host now`, 'Send it again.');
      }
      inFlight += 1;
      try {
        return await session.run(inputs, outputs);
      } finally {
        inFlight -= 1;
      }
    },
    supervise() {
      supervised = true;
      if (session === undefined) scheduleRestart();
    },
    fault(reason) {
      faults += 1;
      deps.onFault(held, reason);
    },
    kill() {
      try {
        if (session !== undefined) process.kill(session.pid, 'SIGKILL');
      } catch (error) {
        deps.log('warn', `a session host that hung was gone already: ${messageOf(error)}`);
      }
    },
    async close() {
      closing = true;
      clearTimeout(retry);
      await session?.close();
    },
  };
  attach(first);
  return held;
}
