import type { Plan } from '../loop/plan.ts';
import type { Finding } from '../loop/verify/finding.ts';
import type { Repaired } from '../loop/verify/repair.ts';
import { code as markdownName, plain as markdownText } from '../markdown-escape.ts';
import type { ChannelDocument } from '../trust/index.ts';
import type { Release } from '../versioning/index.ts';

/** What would be trained, for the summary of a run. */
export function planTable(plans: readonly Plan[]): string {
  const rows = plans.map(({ identity, decision, reasons }) => {
    const why = reasons.map((reason) => markdownText(reason)).join('<br>');
    return `| ${markdownText(identity.model)} | ${decision} | ${why} |`;
  });
  return ['### Plan', '', '| model | decision | why |', '|---|---|---|', ...rows, ''].join('\n');
}

/** What a release is, for the summary of a run. */
export function releaseSummary({ lock, version, tag, commit }: Release, created: boolean): string {
  const head = created ? 'Released' : 'Released before';
  return [
    `### ${head}: ${markdownText(`${lock.model} ${version}`)} (${lock.bump})`,
    '',
    ...lock.reasons.map((reason) => `- ${markdownText(reason)}`),
    '',
    `- git tag ${markdownName(tag)} on ${markdownName(commit)}`,
    `- ModelPack manifest ${markdownName(lock.modelManifest)}`,
    `- image ${markdownName(lock.image)}`,
    '',
  ].join('\n');
}

/** What a channel names, for the summary of a run. */
export function rolloutSummary(
  { model, channel }: { model: string; channel: string },
  document: ChannelDocument | undefined,
  moved: boolean,
): string {
  const head = `### ${moved ? 'Rolled out' : 'Nothing to roll out'}: ${markdownText(model)} to ${markdownText(channel)}`;
  if (document === undefined) return `${head}\n\nThe channel names no release yet.\n`;
  const { version, sequence, digest } = document;
  return `${head}\n\nThe channel names ${markdownName(version)} by its document ${sequence}: ModelPack manifest ${markdownName(digest)}.\n`;
}

/** What a verification found, for the summary of a run. */
export function verifySummary(findings: readonly Finding[], repaired: readonly Repaired[]): string {
  const mended = repaired.map(({ model, done }) => `- ${markdownText(model)}: mended: ${markdownText(done)}`);
  const found = findings.map(
    ({ model, subject, message, mend, code }) =>
      `- ${markdownText(model)}: ${markdownName(subject)}: ${markdownText(message)} (${markdownName(code)})<br>${markdownText(mend)}`,
  );
  const verdict =
    findings.length === 0
      ? 'Git, registry and channels agree, and every byte is what its digest says.'
      : `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`;
  return ['### Verify', '', ...mended, ...found, '', verdict, ''].join('\n');
}
