export type { DataFacts, PlotFacts, ReportFacts, SpentFacts } from './facts.ts';
export { renderHtml } from './html.ts';
export { renderReport } from './markdown.ts';
export { manifestOnReleasePage, type ReleasePageFacts, renderReleasePage } from './release-page.ts';
