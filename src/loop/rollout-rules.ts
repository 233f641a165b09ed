import semver from 'semver';
import { refusal } from '../errors.ts';
import type { ChannelDocument } from '../trust/index.ts';
import type { Release } from '../versioning/index.ts';
import { readDeprecations } from './deprecate.ts';
import { verifyRelease } from './verify/verify-release.ts';
import type { Workspace } from './workspace.ts';

export interface RolloutRules {
  /** The channel. */
  channel: string;
  /** All releases of the model. */
  releases: readonly Release[];
  /** What the channel names now. */
  current: ChannelDocument | undefined;
  /** Lets the channel go to another major version. */
  allowMajor?: boolean | undefined;
}

/**
 * Refuses to roll out what breaks clients of the version that the channel names now unless that is allowed
 * (`major-version`), what fails its verification (`release-unverified`), and what is deprecated (`release-deprecated`).
 */
export async function requireRolloutAllowed(
  workspace: Workspace,
  release: Release,
  rules: RolloutRules,
): Promise<void> {
  requireSameMajor(release, rules);
  // Where content is damaged, the findings tell more than the first read that fails.
  await requireVerified(workspace, release);
  await requireNotDeprecated(workspace, release);
}

async function requireNotDeprecated(workspace: Workspace, release: Release): Promise<void> {
  const deprecations = await readDeprecations(workspace, release);
  if (deprecations.length === 0) return;
  const { version, lock } = release;
  const why = deprecations.map(({ why: words, by, date }) => `  - ${words} (${by ?? 'somebody'}, ${date})`);
  throw refusal(
    'release-deprecated',
    `${lock.model} ${version} is deprecated:\n${why.join('\n')}`,
    `Roll out another version; to go back to one that the channel has named, even a deprecated one: edgeloop rollback ${lock.model} --channel CHANNEL --to ${version}`,
  );
}

function requireSameMajor(
  { version, lock: { model } }: Release,
  { channel, releases, current, allowMajor = false }: RolloutRules,
): void {
  const now = current?.version;
  if (allowMajor || now === undefined || semver.major(version) <= semver.major(now)) return;
  // A later minor version says nothing of what broke before it.
  const breaks = releases
    .filter((other) => other.lock.bump === 'major')
    .filter((other) => semver.gt(other.version, now) && semver.lte(other.version, version))
    .flatMap((other) => other.lock.reasons.map((reason) => `\n  - ${other.version}: ${reason}`));
  throw refusal(
    'major-version',
    `${channel} names ${model} ${now}, and ${version} may break its clients:${breaks.join('')}`,
    `Once they are ready for it: edgeloop rollout ${model}@${version} --channel ${channel} --allow-major`,
  );
}

/** So many findings are told; all of them by `edgeloop verify`. */
const TOLD = 10;

async function requireVerified(workspace: Workspace, release: Release): Promise<void> {
  const findings = await verifyRelease(workspace, release);
  if (findings.length === 0) return;
  const { version, lock } = release;
  const told = findings
    .slice(0, TOLD)
    .map(({ code, subject, message }) => `  - ${subject}: ${message} [${code}]`);
  const more = findings.length > TOLD ? [`  and ${findings.length - TOLD} more`] : [];
  throw refusal(
    'release-unverified',
    [`${lock.model} ${version} fails its verification:`, ...told, ...more].join('\n'),
    `See how each is mended: edgeloop verify ${lock.model}`,
  );
}
