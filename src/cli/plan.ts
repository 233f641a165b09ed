import { fileCount } from '../file-count.ts';
import { type Plan, planFacts, planModel } from '../loop/plan.ts';
import { openProject } from './project.ts';
import { type CommonOptions, runVerb } from './run-verb.ts';

/** `edgeloop plan [MODEL...] [--since REVISION]` */
export default function plan(models: string[], options: CommonOptions & { since?: string }): Promise<void> {
  return runVerb(options, async (context) => {
    const workspace = await openProject(options, context);
    const names = models.length > 0 ? models : Object.keys(workspace.config.models);
    const plans: Plan[] = [];
    for (const name of names) plans.push(await planModel(workspace, name, { since: options.since }));
    return { json: { models: plans.map(planFacts) }, text: plans.map(tree).join('\n') };
  });
}

function tree({ identity, decision, reasons }: Plan): string {
  const { digest, files, bytes, absent } = identity.dataset;
  const count = fileCount(files);
  const elsewhere = absent.length === 0 ? '' : `, ${absent.length.toLocaleString('en')} of them not fetched`;
  const lines = [
    ...reasons,
    `input key ${identity.inputKey}`,
    `dataset ${digest} (${count}${elsewhere}, ${bytes.toLocaleString('en')} bytes)`,
  ];
  return [
    `${identity.model}: ${decision}`,
    ...lines.map((line, index) => `${index === lines.length - 1 ? '└' : '├'} ${line}`),
  ].join('\n');
}
