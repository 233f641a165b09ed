export type { DataFacts, PlotFacts, ReportFacts } from './facts.ts';
export { renderHtml } from './html.ts';
export { renderReport } from './markdown.ts';
