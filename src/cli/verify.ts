import { modelConfig } from '../config/index.ts';
import type { Finding } from '../loop/verify/finding.ts';
import { type Repaired, repairModel } from '../loop/verify/repair.ts';
import { verifyModel } from '../loop/verify/verify-model.ts';
import { openProject } from './project.ts';
import { type CommonOptions, runVerb } from './run-verb.ts';

/** `edgeloop verify [MODEL] [--repair]` */
export default function verify(
  model: string | undefined,
  options: CommonOptions & { repair?: boolean },
): Promise<void> {
  return runVerb(options, async (context) => {
    const workspace = await openProject(options, context);
    if (model !== undefined) modelConfig(workspace.config, model);
    const findings: Finding[] = [];
    const repaired: Repaired[] = [];
    for (const name of model === undefined ? Object.keys(workspace.config.models) : [model]) {
      if (options.repair !== true) {
        findings.push(...(await verifyModel(workspace, name)));
        continue;
      }
      const result = await repairModel(workspace, name);
      findings.push(...result.findings);
      repaired.push(...result.repaired);
    }
    const ok = findings.length === 0;
    const json = { ok, findings, ...(options.repair === true && { repaired }) };
    return { json, text: page(findings, repaired), exitCode: ok ? 0 : 3 };
  });
}

function page(findings: Finding[], repaired: Repaired[]): string {
  const done = repaired.map(({ code, model, done: what }) => `${model}: ${what} [${code}]`);
  if (findings.length === 0)
    return [...done, 'git, registry and channels agree, and every byte is what its digest says'].join('\n');
  const lines = findings.map(
    ({ code, model, subject, message, mend }) => `${model}: ${subject}: ${message} [${code}]\n  ${mend}`,
  );
  const count = `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`;
  return [...done, ...lines, repaired.length > 0 ? `${count} left` : count].join('\n');
}
