import * as core from '@actions/core';
import { type Plan, planFacts, planModel } from '../loop/plan.ts';
import { isWorkLeft } from '../loop/work-left.ts';
import type { Log, Workspace } from '../loop/workspace.ts';
import { currentEvent } from './current-event.ts';
import { type Event, trainingPermission } from './event.ts';
import { names } from './inputs.ts';
import { setOutputs, summarize } from './outputs.ts';
import { openProject } from './project.ts';
import { runAction } from './run-action.ts';
import { planTable } from './summaries.ts';

await runAction(async (context) => {
  const event = await currentEvent();
  const workspace = await openProject(context);
  const plans: Plan[] = [];
  for (const model of modelsToPlan(workspace, names('models'), event, context.log))
    plans.push(await planModel(workspace, model));
  for (const { identity, decision, reasons } of plans)
    context.log(
      'info',
      `${identity.model}: ${decision}\n${reasons.map((reason) => `  ${reason}`).join('\n')}`,
    );
  const permission = trainingPermission(event);
  if (permission.may === 'nothing') core.notice(permission.why, { title: 'nothing is trained' });
  // With an empty matrix not even what a job installs for its training runs.
  const due = permission.may === 'nothing' ? [] : await plansDue(workspace, plans, event);
  const include = due.map(({ identity, decision }) => ({
    model: identity.model,
    decision,
    'input-key': identity.inputKey,
  }));
  setOutputs({
    matrix: JSON.stringify({ include }),
    any: include.length > 0,
    plan: JSON.stringify({ models: plans.map(planFacts) }),
  });
  await summarize(planTable(plans), context.log);
});

/** A pull request is judged once more at each push; on main nothing is done twice, and nothing is left undone. */
async function plansDue(workspace: Workspace, plans: readonly Plan[], event: Event): Promise<Plan[]> {
  if (event.kind === 'pull request') return plans.filter(({ decision }) => decision !== 'unchanged');
  const due: Plan[] = [];
  for (const plan of plans) if (await isWorkLeft(workspace, plan)) due.push(plan);
  return due;
}

/** Those that were asked for; else those that a data event names, as far as there are such; else all. */
function modelsToPlan({ config }: Workspace, asked: string[], event: Event, log: Log): string[] {
  const all = Object.keys(config.models);
  if (asked.length > 0) return asked;
  if (event.kind !== 'dispatch') return all;
  if (event.said !== '') log('info', `the event says: ${event.said}`);
  if (event.problem !== undefined) {
    log('warn', `the payload of the event counts for nothing (${event.problem}): looking at all models`);
  }
  if (event.models === undefined) return all;
  const unknown = event.models.filter((model) => !all.includes(model));
  if (unknown.length > 0) {
    log('warn', `the event names ${unknown.join(', ')}, and ${config.file} has ${all.join(', ')}`);
  }
  return all.filter((model) => event.models?.includes(model));
}
