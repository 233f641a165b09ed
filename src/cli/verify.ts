import { modelConfig } from '../config/index.ts';
import { type Finding, verifyModel } from '../loop/verify.ts';
import { openProject } from './project.ts';
import { type CommonOptions, runVerb } from './run-verb.ts';

/** `edgeloop verify [MODEL]` */
export default function verify(model: string | undefined, options: CommonOptions): Promise<void> {
  return runVerb(options, async (context) => {
    const workspace = await openProject(options, context);
    if (model !== undefined) modelConfig(workspace.config, model);
    const findings: Finding[] = [];
    for (const name of model === undefined ? Object.keys(workspace.config.models) : [model]) {
      findings.push(...(await verifyModel(workspace, name)));
    }
    const ok = findings.length === 0;
    return { json: { ok, findings }, text: page(findings), exitCode: ok ? 0 : 3 };
  });
}

function page(findings: Finding[]): string {
  if (findings.length === 0)
    return 'git, registry and channels agree, and every byte is what its digest says';
  const lines = findings.map(
    ({ code, model, subject, message, mend }) => `${model}: ${subject}: ${message} [${code}]\n  ${mend}`,
  );
  return [...lines, `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`].join('\n');
}
