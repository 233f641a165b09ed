import { misuse } from '../errors.ts';
import { readDiff } from '../loop/compare-releases.ts';
import { findRelease, type ReleaseName } from '../loop/find-release.ts';
import { readLineage } from '../loop/lineage.ts';
import { readStatus } from '../loop/status.ts';
import { repositoryOf } from '../loop/workspace.ts';
import { askDevices } from './ask-devices.ts';
import { diffFacts, diffPage } from './diff-page.ts';
import { lineageFacts, lineagePage } from './lineage-page.ts';
import { openProject } from './project.ts';
import { parseReleaseName } from './release-name.ts';
import { type CommonOptions, type Outcome, runVerb, type VerbContext } from './run-verb.ts';
import { statusFacts, statusPage } from './status-page.ts';

interface StatusOptions extends CommonOptions {
  device?: string[];
  diff?: string[];
}

/** `edgeloop status [MODEL@VERSION | DIGEST] [--diff A B] [--device URL...]` */
export default function showStatus(name: string | undefined, options: StatusOptions): Promise<void> {
  return runVerb(options, (context) => {
    if (options.diff !== undefined) return showDiff(options.diff, name, options, context);
    return name === undefined ? showList(options, context) : showLineage(name, options, context);
  });
}

async function showList(options: StatusOptions, context: VerbContext): Promise<Outcome> {
  const read = await readStatus(await openProject(options, context));
  const devices = await askDevices(options.device);
  return { json: { ...statusFacts(read), devices }, text: statusPage(read, devices) };
}

async function showLineage(name: string, options: StatusOptions, context: VerbContext): Promise<Outcome> {
  const asked = releaseName(name);
  const workspace = await openProject(options, context);
  const lineage = await readLineage(workspace, await findRelease(workspace, asked));
  const devices = await askDevices(options.device);
  const repository = repositoryOf(workspace, lineage.release.lock.model).name;
  return {
    json: { ...lineageFacts(lineage, repository), devices },
    text: lineagePage(lineage, repository, devices),
  };
}

async function showDiff(
  names: readonly string[],
  other: string | undefined,
  options: StatusOptions,
  context: VerbContext,
): Promise<Outcome> {
  const [from, to, ...more] = names;
  if (from === undefined || to === undefined || more.length > 0 || other !== undefined) {
    const words = [...(other === undefined ? [] : [other]), '--diff', ...names].join(' ');
    throw misuse('usage', `"${words}" does not name two releases`, `For example: ${DIFF_EXAMPLE}`);
  }
  const before = parseReleaseName(from, DIFF_EXAMPLE);
  const after = /^v?\d+\.\d+\.\d+$/.test(to) ? `${before.model}@${to}` : to;
  const workspace = await openProject(options, context);
  const read = await readDiff(workspace, before, parseReleaseName(after, DIFF_EXAMPLE));
  return { json: diffFacts(read), text: diffPage(read) };
}

const DIFF_EXAMPLE = 'edgeloop status --diff churn@1.0.0 1.0.1';

function releaseName(text: string): ReleaseName {
  if (/^sha256:[0-9a-f]{64}$/.test(text)) return { digest: text };
  return parseReleaseName(text, 'edgeloop status churn@1.0.1, or edgeloop status sha256:DIGEST');
}
