import { resolve } from 'node:path';
import { type CommonOptions, type Outcome, runVerb } from '../run-verb.ts';
import { trackProcesses } from './processes.ts';
import { createWorkdir, type StoryResult, tellStory } from './story.ts';

/** `edgeloop quickstart`: the whole loop in a scratch folder, with real processes and a load that checks every answer. */
export default function quickstart(options: CommonOptions & { workdir?: string }): Promise<void> {
  return runVerb(options, async ({ cwd, signal }): Promise<Outcome> => {
    const began = performance.now();
    const seconds = () => Math.round((performance.now() - began) / 100) / 10;
    // With --json stdout belongs to the result.
    const out = options.json === true ? process.stderr : process.stdout;
    let steps = 0;
    const processes = trackProcesses(signal);
    try {
      const workdir = await createWorkdir(
        options.workdir === undefined ? undefined : resolve(cwd, options.workdir),
      );
      out.write(`Everything of this run lies in ${workdir}\n`);
      const result = await tellStory(
        {
          processes,
          program: resolve(process.argv[1] ?? ''),
          step: (title) => out.write(`\n${++steps}. ${title}  (${seconds().toFixed(1)} s)\n`),
          tell: (line) => out.write(`   ${line}\n`),
        },
        workdir,
      );
      const ok = result.load.failed === 0;
      return {
        json: facts(result, ok, seconds()),
        text: summary(result, ok, seconds()),
        exitCode: ok ? 0 : 1,
      };
    } finally {
      await processes.endAll();
    }
  });
}

function facts({ workdir, releases, load, swapMs }: StoryResult, ok: boolean, seconds: number) {
  return { ok, seconds, workdir, releases, load, swapMs: Math.round(swapMs) };
}

function summary(
  { workdir, releases, load, swapMs, failures }: StoryResult,
  ok: boolean,
  seconds: number,
): string {
  const project = `${workdir}/churn`;
  const versions = releases.map(({ version, bump, reasons, metrics }) => {
    const figures = Object.entries(metrics).map(([name, value]) => `${name} ${candidateValue(value)}`);
    return `  ${version}  ${bump.padEnd(6)} ${reasons.join('; ')}\n         ${figures.join(', ')}`;
  });
  const config = `--config ${project}/edgeloop.yaml`;
  return `
${ok ? 'Done' : 'FAILED'} in ${seconds.toFixed(1)} s: ${load.requests} requests, ${load.failed} failed
${failures
  .slice(0, 5)
  .map((line) => `  ${line}\n`)
  .join('')}
${versions.join('\n')}

  latency p50 ${load.p50Ms} ms, p99 steady ${load.p99SteadyMs} ms, p99 around the swap ${load.p99SwapMs} ms
  swap: ${swapMs.toFixed(0)} ms from the hint to the first answer of the new version

  project   ${project}
  registry  ${project}/.edgeloop/registry
  reports   ${project}/.edgeloop/reports/churn
  device    ${project}/.edgeloop/agent

Try next:
  npx edgeloop status ${config}
  npx edgeloop plan ${config}
  git -C ${project} tag -n20 -l 'churn@v*'
  npx edgeloop rollout churn@1.0.0 --channel production ${config}
  npx edgeloop agent --config ${project}/agent.yaml
`;
}

function candidateValue(value: unknown): string {
  const found =
    typeof value === 'object' && value !== null && 'candidate' in value
      ? Number(value.candidate)
      : Number.NaN;
  return found.toFixed(4);
}
