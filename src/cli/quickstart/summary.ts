import { styleText } from 'node:util';
import type { StoryResult } from './story.ts';
import { wrap } from '../wrap.ts';

/** How the run went, besides what the story tells. */
export interface Run {
  ok: boolean;
  seconds: number;
  workdir: string;
  steps: { title: string; seconds: number }[];
}

/** DESIGN 8.6, and what else a user asks for. */
export function facts(run: Run, result: StoryResult) {
  const { releases, refused, load, failures, swaps, rollbackMs, restartMs } = result;
  return {
    ok: run.ok,
    seconds: run.seconds,
    workdir: run.workdir,
    releases,
    refused,
    load,
    failures: failures.slice(0, 20),
    swapMs: slowestSwap(swaps),
    rollbackMs: Math.round(rollbackMs * 100) / 100,
    restartMs: Math.round(restartMs),
    swaps,
    steps: run.steps,
  };
}

/** The same for people: a table of versions, the figures, where everything lies, and what to try next. */
export function page(run: Run, result: StoryResult): string {
  const { load, swaps, failures } = result;
  const head = `${run.ok ? '✔ Done' : '✖ FAILED'} in ${run.seconds.toFixed(1)} s: ${load.requests.toLocaleString('en')} requests, ${load.failed} failed`;
  return [
    styleText(run.ok ? ['green', 'bold'] : ['red', 'bold'], head),
    ...failures.slice(0, 5).map((line) => `  ${line}`),
    '',
    ...versions(result),
    '',
    ...pairs({
      latency: `p50 ${load.p50Ms} ms, p99 ${load.p99SteadyMs} ms steady, ${load.p99SwapMs} ms around swaps and rollback`,
      swap: `${slowestSwap(swaps)} ms from the hint to the first answer of the new version, at most`,
      rollback: `${result.rollbackMs.toFixed(1)} ms from the request to the version that was kept warm`,
      restart: `${(result.restartMs / 1000).toFixed(2)} s until it was ready again, after SIGKILL and without the registry`,
    }),
    '',
    ...whatNext(run.workdir),
  ].join('\n');
}

function versions({ releases, refused }: StoryResult): string[] {
  const metrics = Object.entries(releases[0]?.metrics ?? {}).flatMap(([name, found]) =>
    isJudged(found) ? [name] : [],
  );
  const figures = (found: Record<string, unknown>) => metrics.map((name) => candidateValue(found[name]));
  const rows = [
    ['version', '', ...metrics, 'why'],
    ...releases.map(({ version, bump, reasons, metrics: found }) => [
      version,
      bump,
      ...figures(found),
      reasons.join('; '),
    ]),
    ['refused', '', ...figures(refused.metrics), 'by the gate:'],
  ];
  const [head = '', ...body] = table(rows);
  return [
    styleText('dim', head),
    ...body.slice(0, -1),
    styleText('yellow', body.at(-1) ?? ''),
    ...refused.reasons.flatMap((reason) => wrap(reason, 88).map((line) => `           ${line}`)),
  ];
}

/** Whether a rule names the metric; what no rule names is in the report. */
function isJudged(found: unknown): boolean {
  return typeof found === 'object' && found !== null && 'passed' in found && found.passed !== null;
}

/** Columns as wide as their widest cell. */
function table(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
}

function pairs(entries: Record<string, string>): string[] {
  return Object.entries(entries).map(([name, value]) => `  ${styleText('dim', name.padEnd(9))} ${value}`);
}

function whatNext(workdir: string): string[] {
  const project = `${workdir}/churn`;
  const config = `--config ${project}/edgeloop.yaml`;
  return [
    ...pairs({
      project,
      registry: `${project}/.edgeloop/registry`,
      reports: `${project}/.edgeloop/reports/churn`,
      device: `${project}/.edgeloop/agent`,
    }),
    '',
    'Try next:',
    `  npx edgeloop status ${config}`,
    `  npx edgeloop plan ${config}`,
    `  git -C ${project} tag -n20 -l 'churn@v*'`,
    `  npx edgeloop rollout churn@1.1.0 --channel production ${config}`,
    `  npx edgeloop agent --config ${project}/agent.yaml`,
  ];
}

function slowestSwap(swaps: StoryResult['swaps']): number {
  return Math.max(...swaps.filter(({ by }) => by === 'channel').map(({ swapMs }) => swapMs));
}

function candidateValue(value: unknown): string {
  const found =
    typeof value === 'object' && value !== null && 'candidate' in value
      ? Number(value.candidate)
      : Number.NaN;
  return found.toFixed(4);
}
