import { figure, percent } from '../evaluation/index.ts';
import { dataSentences } from './data-sentences.ts';
import { MARKDOWN } from './format.ts';
import type { ReportFacts } from './facts.ts';
import { CELL } from './format.ts';
import {
  highestShare,
  largestShifts,
  movedMost,
  PSI_MODERATE,
  type ShareBin,
  type ShiftedFeature,
} from './largest-shifts.ts';
import { details, table } from './markdown-tables.ts';

const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const NOTHING = '·';

/** The data that the candidate was trained on and is judged by, beside the champion's; nothing when all is said. */
export function dataSection(facts: ReportFacts): string[] {
  const sentences = dataSentences(facts, MARKDOWN).map((line) => `- ${line}`);
  const parts = [...(sentences.length === 0 ? [] : [sentences.join('\n')]), ...shiftsTable(facts)];
  return parts.length === 0 ? [] : [`### Data\n\n${parts.join('\n\n')}`];
}

/** Open only when something moved that is worth a look. */
function shiftsTable({ verdict, data }: ReportFacts): string[] {
  const { train, holdout } = verdict.data;
  const shifts = [
    ...largestShifts(train, data?.distributions.train ?? []).map((shift) => ({ of: 'training data', shift })),
    ...largestShifts(holdout, data?.distributions.holdout ?? []).map((shift) => ({ of: 'holdout', shift })),
  ];
  if (shifts.length === 0) return [];
  const rows = shifts.map(({ of, shift }) => [of, ...shiftCells(shift)]);
  const header = ['data', 'column', 'PSI', "champion's training data", 'now', 'moved most'];
  const open = shifts.some(({ shift }) => shift.psi >= PSI_MODERATE);
  return [details('The largest shifts, by population stability index (PSI)', table(header, rows), open)];
}

function shiftCells({ column, psi, bins }: ShiftedFeature): string[] {
  const most = movedMost(bins);
  const highest = highestShare(bins);
  const drawn = bins.filter(({ rest }) => !rest);
  return [
    MARKDOWN.text(column, CELL),
    figure(psi),
    sparkline(drawn, ({ expected }) => expected / highest),
    sparkline(drawn, ({ found }) => found / highest),
    most === undefined
      ? '–'
      : `${MARKDOWN.text(most.name, CELL)}: ${percent(most.expected)} became ${percent(most.found)}`,
  ];
}

/** One block a bin, the highest share of both rows being the highest block. */
function sparkline(bins: readonly ShareBin[], height: (bin: ShareBin) => number): string {
  if (bins.length === 0) return '–';
  const blocks = bins.map((bin) => {
    const share = height(bin);
    return share > 0 ? (BLOCKS[Math.min(7, Math.ceil(share * 8) - 1)] ?? NOTHING) : NOTHING;
  });
  return `\`${blocks.join('')}\``;
}
