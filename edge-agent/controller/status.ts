import type { HeldReport, Holdings, ModelReport } from '../messages.ts';
import type { ModelState } from './device-state.ts';

/** One model as `device status` and `/edgeloop/status` show it. Pure. */
export function modelReport(
  name: string,
  channel: string,
  state: ModelState,
  holdings: Holdings | undefined,
  lastError: string | undefined,
): ModelReport {
  const { active, previous, candidate, held } = state;
  const seen = state.documents[channel];
  const holding = held?.channel === channel && (seen === undefined || seen.sequence <= held.sequence);
  const current = hostOf(holdings, active?.digest);
  const last = state.quarantined.at(-1);
  return {
    name,
    state: active?.state ?? candidate?.state ?? (last === undefined ? 'absent' : 'quarantined'),
    version: active?.version ?? null,
    digest: active?.digest ?? null,
    previous: previous ?? null,
    candidate:
      candidate === undefined
        ? null
        : { version: candidate.version, digest: candidate.digest, state: candidate.state },
    provider: current?.provider ?? null,
    channel,
    sequence: seen?.sequence ?? null,
    attestation: seen?.attestation ?? null,
    heldUntilAbove: holding ? held.sequence : null,
    quarantined: state.quarantined.map(({ version, digest, reason }) => ({ version, digest, reason })),
    lastError: lastError ?? null,
    restarts: current?.restarts ?? 0,
  };
}

function hostOf(holdings: Holdings | undefined, digest: string | undefined): HeldReport | undefined {
  return [holdings?.current, holdings?.previous, holdings?.loading].find((held) => held?.digest === digest);
}
