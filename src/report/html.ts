import { dataSentences } from './data-sentences.ts';
import { oneLine } from '../markdown-escape.ts';
import type { PlotFacts, ReportFacts } from './facts.ts';
import { commandLines, listed, REASONS_LISTED, SENTENCE } from './format.ts';
import { escaped, HTML } from './html-escape.ts';
import { STYLE } from './html-style.ts';
import { budgetsSection, metricsSection, slicesSection } from './html-tables.ts';
import { largestShifts } from './largest-shifts.ts';
import { calibrationFigure } from './plots/calibration.ts';
import { confusionFigures } from './plots/confusion.ts';
import { predictedFigure, residualsFigure } from './plots/residuals.ts';
import { rocFigure } from './plots/roc.ts';
import { shiftFigure } from './plots/shifts.ts';
import { legend } from './plots/svg.ts';
import { headline, method, reasons } from './sentences.ts';
import { spentSentences } from './spent-sentences.ts';

const LONGEST_COMMAND = 500;
/** Whatever got into the page, it loads and runs nothing (Content Security Policy level 3). */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/**
 * The report as one HTML page that needs nothing else: no network, no script, no font. It says what the Markdown says
 * and draws what the models predict on the holdout. Texts from outside are escaped and cut; a million rows make no
 * larger page than a thousand.
 */
export function renderHtml(facts: ReportFacts & PlotFacts): string {
  const { verdict } = facts;
  const title = `${verdict.model}: ${verdict.outcome === 'fail' ? 'refused' : 'passed'}`;
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(title)}</title><style>${STYLE}</style></head><body><main>`,
    banner(facts),
    section('Metrics', `${metricsSection(facts)}<p class="method">${method(verdict, HTML)}</p>`),
    section('Slices', slicesSection(facts)),
    section('Predictions on the holdout', figures(predictionFigures(facts))),
    section('What changed', changes(facts)),
    section('Data', data(facts)),
    section('Size, memory and latency', budgetsSection(facts)),
    section('Training', training(facts)),
    section('Next version', next(facts)),
    section('Reproduce', reproduce(facts)),
    section('Identities', identities(facts)),
    '</main></body></html>\n',
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function banner(facts: ReportFacts): string {
  const { verdict, warnings = [] } = facts;
  const kind = verdict.outcome === 'fail' ? 'no' : 'yes';
  const told = listed([...warnings, ...verdict.warnings]).map(
    (warning) => `<p class="warning">⚠️ ${escaped(warning, SENTENCE)}</p>`,
  );
  return `<header class="banner ${kind}"><h1>${headline(facts, HTML)}</h1>${list(reasons(verdict), SENTENCE, REASONS_LISTED)}</header>\n${told.join('\n')}`;
}

function predictionFigures(facts: ReportFacts & PlotFacts): string[] {
  const drawn = {
    'binary-classification': () => [rocFigure(facts), calibrationFigure(facts)],
    'multiclass-classification': () => confusionFigures(facts),
    regression: () => [residualsFigure(facts), predictedFigure(facts)],
  };
  return drawn[facts.verdict.task]();
}

function changes({ changes: found }: ReportFacts): string {
  if (found === undefined) return '';
  return found.length === 0 ? '<p>Nothing that decides the training.</p>' : list(found);
}

function data(facts: ReportFacts): string {
  const { verdict, data: given } = facts;
  const sentences = dataSentences(facts, HTML).map((line) => `<li>${line}</li>`);
  const parts = [
    { title: 'training data', shift: verdict.data.train, drawn: given?.distributions.train ?? [] },
    { title: 'holdout', shift: verdict.data.holdout, drawn: given?.distributions.holdout ?? [] },
  ].map(({ title, shift, drawn }) => {
    const shifts = largestShifts(shift, drawn).map(shiftFigure);
    if (shifts.length === 0) return '';
    return `<details${title === 'training data' ? ' open' : ''}><summary>The largest shifts of the ${title}, by population stability index (PSI)</summary>${shiftLegend}${figures(shifts)}</details>`;
  });
  return `${sentences.length === 0 ? '' : `<ul>${sentences.join('')}</ul>`}${parts.join('')}`;
}

const shiftLegend = legend([
  { kind: 'expected', sample: 'area', text: "champion's training data" },
  { kind: 'found', sample: 'area', text: 'now' },
]);

function training({ spent }: ReportFacts): string {
  const lines = spentSentences(spent, HTML).map((line) => `<li>${line}</li>`);
  return lines.length === 0 ? '' : `<ul>${lines.join('')}</ul>`;
}

function next({ next: found, released }: ReportFacts): string {
  if (released !== undefined) return `<p>None: it is released already, as ${HTML.name(released)}.</p>`;
  if (found === undefined) return '';
  const why = found.reasons.length === 0 ? '' : list(found.reasons);
  return `<p>${HTML.name(found.version)} (${escaped(found.bump)})</p>${why}`;
}

function reproduce({ reproduce: commands }: ReportFacts): string {
  const lines = commandLines(commands).map((line) =>
    escaped(oneLine(line, LONGEST_COMMAND), LONGEST_COMMAND + 1),
  );
  return lines.length === 0 ? '' : `<pre><code>${lines.join('\n')}</code></pre>`;
}

function identities({ verdict: { candidate, champion, holdout } }: ReportFacts): string {
  const lines = [
    `candidate ${HTML.name(candidate)}`,
    ...(champion === null ? [] : [`champion ${HTML.name(champion)}`]),
    `holdout ${HTML.name(holdout)}`,
  ];
  return `<ul>${lines.map((line) => `<li>${line}</li>`).join('')}</ul>`;
}

function section(title: string, content: string): string {
  return content === '' ? '' : `<section><h2>${title}</h2>\n${content}</section>`;
}

function figures(drawn: readonly string[]): string {
  const found = drawn.filter((each) => each !== '');
  return found.length === 0 ? '' : `<div class="figures">${found.join('\n')}</div>`;
}

function list(lines: readonly string[], longest?: number, most?: number): string {
  const items = listed(lines, most).map((line) => `<li>${escaped(line, longest)}</li>`);
  return `<ul>${items.join('')}</ul>`;
}
