import { figure } from '../evaluation/index.ts';
import type { ListedChannel, Status } from '../loop/status.ts';
import type { Release } from '../versioning/index.ts';
import { type Device, deviceLine } from './ask-devices.ts';
import { table } from './table.ts';
import { wrap } from './wrap.ts';

const WIDTH = 80;
/** So many earlier documents of a channel are shown to people. */
const SHOWN = 5;

/** The list of releases and channels as JSON. */
export function statusFacts({ models, channels }: Status) {
  return {
    models: models.map(({ model, champion, releases, deprecated }) => ({
      model,
      champion,
      releases: releases.map(({ version, date, lock, tag, commit }) => ({
        version,
        date,
        bump: lock.bump,
        reasons: lock.reasons,
        metric: lock.metric ?? null,
        deprecated: deprecated.has(version),
        digest: lock.modelManifest,
        tag,
        commit,
      })),
    })),
    channels,
  };
}

/** The same for people. */
export function statusPage({ models, channels }: Status, devices: readonly Device[]): string {
  const lines: string[] = [];
  for (const { model, champion, releases, deprecated } of models) {
    const named = champion === null ? 'none yet' : champion.version;
    lines.push(
      `${model}: champion ${named}, ${releases.length} ${releases.length === 1 ? 'release' : 'releases'}`,
    );
    lines.push(...table(releases.map((release) => releaseRow(release, deprecated))).map(cut));
  }
  for (const channel of channels) lines.push(...channelLines(channel));
  for (const device of devices) lines.push(`device ${device.url}: ${deviceLine(device)}`);
  return lines.join('\n');
}

function releaseRow({ version, date, lock }: Release, deprecated: ReadonlySet<string>): string[] {
  const { metric, reasons } = lock;
  const why = reasons.join('; ');
  return [
    version,
    date.slice(0, 10),
    lock.bump,
    metric === undefined ? '' : `${metric.name} ${figure(metric.value)}`,
    deprecated.has(version) ? `deprecated; ${why}` : why,
  ];
}

/** All of it is in the page of the release itself. */
function cut(line: string): string {
  return line.length <= WIDTH ? line : `${line.slice(0, WIDTH - 1).trimEnd()}…`;
}

function channelLines({
  channel,
  model,
  version,
  sequence,
  issued,
  history,
  documents,
}: ListedChannel): string[] {
  const head = `channel ${channel}: ${model} ${version} (document ${sequence}, ${issued})`;
  const before = history.filter((kept) => kept.sequence < sequence);
  if (before.length === 0) return [head];
  const shown = before
    .slice(0, SHOWN)
    .map((kept) => `${kept.version} (${kept.sequence}, ${kept.issued.slice(0, 10)})`);
  const left = documents - 1 - shown.length;
  const more = left > 0 ? `, and ${left} more` : '';
  return [head, ...wrap(`before: ${shown.join(', ')}${more}`, WIDTH - 2).map((line) => `  ${line}`)];
}
