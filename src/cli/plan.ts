import { type Plan, planModel } from '../loop/plan.ts';
import { openProject } from './project.ts';
import { type CommonOptions, runVerb } from './run-verb.ts';

/** `edgeloop plan [MODEL...]` */
export default function plan(models: string[], options: CommonOptions): Promise<void> {
  return runVerb(options, async (context) => {
    const workspace = await openProject(options, context);
    const names = models.length > 0 ? models : Object.keys(workspace.config.models);
    const plans: Plan[] = [];
    for (const name of names) plans.push(await planModel(workspace, name));
    return { json: { models: plans.map(facts) }, text: plans.map(tree).join('\n') };
  });
}

function facts({ identity, decision, reasons, champion, candidate }: Plan) {
  const { digest, files, bytes } = identity.dataset;
  return {
    model: identity.model,
    inputKey: identity.inputKey,
    decision,
    reasons,
    dataset: { digest, files: files.length, bytes },
    champion: champion === undefined ? null : { version: champion.version, digest: champion.digest },
    candidate: candidate?.digest ?? null,
  };
}

function tree(planned: Plan): string {
  const { identity, decision, reasons } = planned;
  const { digest, files, bytes } = identity.dataset;
  const lines = [
    ...reasons,
    `input key ${identity.inputKey}`,
    `dataset ${digest} (${files.length} ${files.length === 1 ? 'file' : 'files'}, ${bytes.toLocaleString('en')} bytes)`,
  ];
  return [
    `${identity.model}: ${decision}`,
    ...lines.map((line, index) => `${index === lines.length - 1 ? '└' : '├'} ${line}`),
  ].join('\n');
}
