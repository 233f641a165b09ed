import { codeBlock } from '../markdown-escape.ts';
import { MARKDOWN } from './format.ts';
import { listed, SENTENCE } from './format.ts';

/** What a page about one version says. */
export interface ReleasePageFacts {
  model: string;
  version: string;
  bump: string;
  reasons: readonly string[];
  /** The ModelPack manifest's digest, by which the page is compared. */
  modelManifest: string;
  /** Further digests and keys by what they are of. */
  identities: Readonly<Record<string, string>>;
  /** Commands that fetch it; none when it lies in a folder of some machine. */
  pull: readonly string[];
  /** The report on the verdict, as Markdown. */
  report: string;
}

const MANIFEST = 'ModelPack manifest';

/** The page of a version among a repository's releases, as Markdown. */
export function renderReleasePage(facts: ReleasePageFacts): string {
  const { model, version, bump, reasons, modelManifest, identities, pull, report } = facts;
  const why = listed(reasons).map((reason) => `- ${MARKDOWN.text(reason, SENTENCE)}`);
  const names = Object.entries({ [MANIFEST]: modelManifest, ...identities }).map(
    ([name, value]) => `- ${name} ${MARKDOWN.name(value)}`,
  );
  return [
    `${MARKDOWN.name(model)} ${MARKDOWN.name(version)} (${MARKDOWN.text(bump)})`,
    why.join('\n'),
    `### Digests\n\n${names.join('\n')}`,
    ...(pull.length === 0 ? [] : [`### Pull\n\n${codeBlock('sh', pull)}`]),
    report,
  ].join('\n\n');
}

/** The ModelPack manifest's digest on such a page; `undefined` on a page that somebody else has written. */
export function manifestOnReleasePage(page: string): string | undefined {
  return new RegExp(`^- ${MANIFEST} \`(sha256:[0-9a-f]{64})\`\\s*$`, 'm').exec(page)?.[1];
}
