export type { ReportFacts } from './facts.ts';
export { renderReport } from './markdown.ts';
