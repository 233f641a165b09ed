import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isTable, unknownCategories } from '../evaluation/index.ts';
import type { Card } from '../onnx/index.ts';
import { renderHtml, renderReport, type ReportFacts } from '../report/index.ts';
import type { NextVersion } from '../versioning/index.ts';
import type { Candidate } from './candidate.ts';
import type { Identity } from './identify.ts';
import type { Judgement } from './judge.ts';
import type { Released } from './releases.ts';
import { workPath, type Workspace } from './workspace.ts';

/** What a report says besides the judgement. */
export interface ReportContext {
  champion: Released | undefined;
  /** What differs from the champion's training. */
  changes: readonly string[];
  next: NextVersion | undefined;
  /** The version that these very bytes have already. */
  released: string | undefined;
  /** The commit that is checked out. */
  commit: string | null;
  /** False when the candidate was only judged. */
  kept?: boolean;
}

const NOT_KEPT =
  'It was only judged: the registry has nothing of it, and it will be trained again before it can be released.';

/** Puts together what a report says. */
export async function factsOf(
  { model, paths }: Identity,
  candidate: Candidate,
  { verdict, distributions }: Judgement,
  { champion, changes, next, released, commit, kept = true }: ReportContext,
): Promise<ReportFacts> {
  const { card } = candidate;
  return {
    verdict,
    ...(champion !== undefined && {
      championVersion: champion.version,
      championBytes: champion.card.requirements.modelBytes,
      ...(champion.card.requirements.memoryBytes !== undefined && {
        championMemoryBytes: champion.card.requirements.memoryBytes,
      }),
      changes,
    }),
    data: {
      rows: rowsOf(card),
      championRows: rowsOf(champion?.card),
      ...columnChanges(champion?.card, card),
      distributions,
    },
    ...(candidate.spent !== undefined && { spent: candidate.spent }),
    ...(next !== undefined && { next }),
    ...(released !== undefined && { released }),
    warnings: [...(kept ? [] : [NOT_KEPT]), ...warningsOn(card), ...(await unknownTo(card, paths.holdout))],
    reproduce: [...(commit === null ? [] : [`git checkout ${commit}`]), `npx edgeloop retrain ${model}`],
  };
}

/** Writes the report into the work folder, as Markdown and as a page with plots, and gives the page too. */
export async function writeReport(
  workspace: Workspace,
  { model, inputKey }: Identity,
  facts: ReportFacts,
  { candidate, champion }: Judgement,
): Promise<{ report: string; html: string; page: string }> {
  const folder = workPath(workspace, 'reports', model);
  await mkdir(folder, { recursive: true });
  const [report, html] = [join(folder, `${inputKey}.md`), join(folder, `${inputKey}.html`)];
  const page = renderHtml({ ...facts, candidate, champion });
  await writeFile(report, renderReport(facts));
  await writeFile(html, page);
  return { report, html, page };
}

/** Rows that a model was trained on, as far as its statistics tell: a column may lack values in some. */
function rowsOf(card: Card | undefined): number | null {
  const columns = Object.values(card?.statistics ?? {});
  if (columns.length === 0) return null;
  return Math.max(
    ...columns.map((column) =>
      column.kind === 'numeric' ? Math.round(column.rows / (1 - (column.missing ?? 0))) : column.rows,
    ),
  );
}

function columnChanges(before: Card | undefined, now: Card) {
  const [old, current] = [columnsOf(before ?? now), columnsOf(now)];
  return {
    columnsAdded: current.filter((name) => !old.includes(name)),
    columnsRemoved: old.filter((name) => !current.includes(name)),
  };
}

function columnsOf({ featureOrder, modelSignature }: Card): readonly string[] {
  return featureOrder ?? modelSignature.inputs.map(({ name }) => name);
}

function warningsOn({ training }: Card): string[] {
  const warnings: string[] = [];
  if (training?.job.target === 'elsewhere') {
    warnings.push(
      'Its origin is not proven: the model was trained elsewhere and handed over; nothing shows that the data, code and params named here made it.',
    );
  }
  if (training?.uncommitted !== undefined) {
    const paths = training.uncommitted.slice(0, 5).join(', ');
    warnings.push(
      `Made from uncommitted changes (${paths}): it can't be released, and is kept in its folder only.`,
    );
  }
  return warnings;
}

async function unknownTo({ statistics = {} }: Card, holdout: string): Promise<string[]> {
  const unknown = isTable(holdout) ? await unknownCategories(holdout, statistics) : [];
  return unknown.map(({ column, rows, examples }) => {
    const values = examples.map((value) => `"${value}"`).join(', ');
    return `${rows} ${rows === 1 ? 'row of the holdout holds' : 'rows of the holdout hold'} a ${column} that the training data do not have (${values}): the model takes it for a default.`;
  });
}
