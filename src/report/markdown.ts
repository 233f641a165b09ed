import { codeBlock, oneLine } from '../markdown-escape.ts';
import { MARKDOWN } from './format.ts';
import type { ReportFacts } from './facts.ts';
import { commandLines, LISTED, listed, REASONS_LISTED, SENTENCE } from './format.ts';
import { dataSection } from './markdown-data.ts';
import { budgetsSection, metricsSection, slicesSection } from './markdown-tables.ts';
import { headline, method, reasons } from './sentences.ts';
import { spentSentences } from './spent-sentences.ts';

/**
 * In bytes. GitHub takes 65,536 characters for a comment, where the rest is for the marker that finds it again, and 65,535
 * bytes for the summary of a check (github/docs#35252).
 */
const LONGEST_PAGE = 65_000;
const LONGEST_COMMAND = 500;
const bytes = (text: string): number => Buffer.byteLength(text);

/** Sections that give way when a page would be too long, the least important first. */
const GIVE_WAY = [
  ['data', 'Data'],
  ['changes', 'What changed'],
  ['spent', 'Training'],
  ['next', 'Next version'],
  ['slices', 'Slices'],
  ['reproduce', 'Reproduce'],
  ['warnings', 'Warnings'],
] as const;

/**
 * The report as one page of Markdown, the same for terminal, job summary and pull request, at most 65,000 bytes;
 * its first line is the verdict. Texts from outside are escaped and cut, lists end with how much more there is.
 */
export function renderReport(facts: ReportFacts): string {
  const sections = new Map<string, string>([
    ['headline', `## ${headline(facts, MARKDOWN)}`],
    ...entry('warnings', warnings(facts)),
    ['reasons', reasonList(facts, REASONS_LISTED)],
    ['metrics', metricsSection(facts)],
    ['method', method(facts.verdict, MARKDOWN)],
    ...entry('slices', slicesSection(facts)),
    ...entry('changes', changes(facts)),
    ...entry('data', dataSection(facts)),
    ['budgets', budgetsSection(facts)],
    ...entry('spent', spentSection(facts)),
    ...entry('next', nextSection(facts)),
    ['identities', identities(facts)],
    ...entry('reproduce', reproduce(facts)),
  ]);
  const page = (): string => `${[...sections.values()].join('\n\n')}\n`;
  if (bytes(page()) > LONGEST_PAGE) sections.set('reasons', reasonList(facts, LISTED));
  for (const [name, title] of GIVE_WAY) {
    if (bytes(page()) <= LONGEST_PAGE) break;
    if (sections.has(name)) sections.set(name, `### ${title}\n\nLeft out: the page would be too long.`);
  }
  return page();
}

const entry = (name: string, found: readonly string[]): [string, string][] =>
  found.length === 0 ? [] : [[name, found.join('\n\n')]];

function warnings({ warnings: given = [], verdict }: ReportFacts): string[] {
  return listed([...given, ...verdict.warnings]).map((warning) => `⚠️ ${MARKDOWN.text(warning, SENTENCE)}`);
}

function changes({ changes: found }: ReportFacts): string[] {
  if (found === undefined) return [];
  const lines = found.length === 0 ? 'Nothing that decides the training.' : list(found);
  return [`### What changed\n\n${lines}`];
}

function spentSection({ spent }: ReportFacts): string[] {
  const lines = spentSentences(spent, MARKDOWN).map((line) => `- ${line}`);
  return lines.length === 0 ? [] : [`### Training\n\n${lines.join('\n')}`];
}

function nextSection({ next, released }: ReportFacts): string[] {
  if (released !== undefined) {
    return [`### Next version\n\nNone: it is released already, as ${MARKDOWN.name(released)}.`];
  }
  if (next === undefined) return [];
  const why = next.reasons.length === 0 ? '' : `\n\n${list(next.reasons)}`;
  return [`### Next version\n\n${MARKDOWN.name(next.version)} (${MARKDOWN.text(next.bump)})${why}`];
}

function identities({ verdict: { candidate, champion, holdout } }: ReportFacts): string {
  const lines = [
    `- candidate ${MARKDOWN.name(candidate)}`,
    ...(champion === null ? [] : [`- champion ${MARKDOWN.name(champion)}`]),
    `- holdout ${MARKDOWN.name(holdout)}`,
  ];
  return `### Identities\n\n${lines.join('\n')}`;
}

function reproduce({ reproduce: commands }: ReportFacts): string[] {
  if (commands.length === 0) return [];
  const lines = commandLines(commands).map((line) => oneLine(line, LONGEST_COMMAND));
  return [`### Reproduce\n\n${codeBlock('sh', lines)}`];
}

function reasonList({ verdict }: ReportFacts, most: number): string {
  return list(reasons(verdict), SENTENCE, most);
}

function list(lines: readonly string[], longest?: number, most?: number): string {
  return listed(lines, most)
    .map((line) => `- ${MARKDOWN.text(line, longest)}`)
    .join('\n');
}
