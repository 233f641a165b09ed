import { refusal } from '../errors.ts';
import { verifyModels } from '../loop/verify/verify-models.ts';
import { flag, optional } from './inputs.ts';
import { setOutputs, summarize } from './outputs.ts';
import { openProject } from './project.ts';
import { runAction } from './run-action.ts';
import { verifySummary } from './summaries.ts';

await runAction(async (context) => {
  const [model, repair] = [optional('model'), flag('repair')];
  const workspace = await openProject(context);
  const { findings, repaired } = await verifyModels(workspace, { model, repair });
  setOutputs({ ok: findings.length === 0, findings: JSON.stringify(findings) });
  await summarize(verifySummary(findings, repaired), context.log);
  for (const { model: of, message, mend, code } of findings)
    context.log('error', `${of}: ${message} [${code}]\n${mend}`);
  if (findings.length === 0) return;
  throw refusal(
    'verification-failed',
    `${findings.length} of the things that should say the same do not`,
    'The summary of this run has all of them. What derives from the rest is made again with: { repair: true }',
  );
});
