import type { Finding } from '../loop/verify/finding.ts';
import type { Repaired } from '../loop/verify/repair.ts';
import { verifyModels } from '../loop/verify/verify-models.ts';
import { openProject } from './project.ts';
import { type CommonOptions, runVerb } from './run-verb.ts';

/** `edgeloop verify [MODEL] [--repair]` */
export default function verify(
  model: string | undefined,
  options: CommonOptions & { repair?: boolean },
): Promise<void> {
  return runVerb(options, async (context) => {
    const workspace = await openProject(options, context);
    const { findings, repaired } = await verifyModels(workspace, { model, repair: options.repair === true });
    const ok = findings.length === 0;
    const json = { ok, findings, ...(options.repair === true && { repaired }) };
    const mirrors = workspace.mirrors.map(({ name }) => name);
    return { json, text: page(findings, repaired, mirrors), exitCode: ok ? 0 : 3 };
  });
}

function page(findings: Finding[], repaired: Repaired[], mirrors: string[]): string {
  const done = repaired.map(({ code, model, done: what }) => `${model}: ${what} [${code}]`);
  if (findings.length === 0)
    return [
      ...done,
      `git, registry and channels agree${also(mirrors)}, and every byte is what its digest says`,
    ].join('\n');
  const lines = findings.map(
    ({ code, model, subject, message, mend }) => `${model}: ${subject}: ${message} [${code}]\n  ${mend}`,
  );
  const count = `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`;
  return [...done, ...lines, repaired.length > 0 ? `${count} left` : count].join('\n');
}

const also = (mirrors: string[]): string => mirrors.map((name) => `, also with the ${name}`).join('');
