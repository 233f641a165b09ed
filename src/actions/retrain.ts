import { readFile } from 'node:fs/promises';
import * as core from '@actions/core';
import { refusal } from '../errors.ts';
import { type RetrainResult, retrainModel } from '../loop/retrain.ts';
import { reportCheck } from '../loop/tell/check.ts';
import type { Workspace } from '../loop/workspace.ts';
import { commentReport } from '../loop/tell/comment.ts';
import { bumpOfLabels } from '../loop/tell/labelled-bump.ts';
import { currentEvent } from './current-event.ts';
import { type Event, trainingPermission } from './event.ts';
import { flag, required } from './inputs.ts';
import { setOutputs, summarize } from './outputs.ts';
import { openScoringProject } from './project.ts';
import { runAction } from './run-action.ts';
import { attempt } from './attempt.ts';

await runAction(async (context) => {
  const model = required('model', 'churn');
  const event = await currentEvent();
  const permission = trainingPermission(event);
  if (permission.may === 'nothing') {
    core.notice(permission.why, { title: `${model} was not trained` });
    return setOutputs(outputsOf(undefined));
  }
  const workspace = await openScoringProject(context);
  const bump = event.kind === 'pull request' ? bumpOfLabels(event.labels) : undefined;
  const keep = permission.may === 'keep';
  if (flag('detach')) {
    const { detachTraining } = await import('../loop/detach.ts');
    const left = await detachTraining(workspace, model);
    if (left !== undefined) {
      core.notice(`It is being trained by the job ${left.job.name}. ${left.job.page ?? ''}`, {
        title: `${model} is left to itself`,
      });
      const inputKey = left.plan.identity.inputKey;
      return setOutputs({
        ...outputsOf(undefined),
        outcome: 'detached',
        'input-key': inputKey,
        job: left.job.name,
      });
    }
  }
  const result = await retrainModel(workspace, model, { keep, bump });
  setOutputs(outputsOf(result));
  await tell(workspace, event, result);
  if (result.verdict.outcome !== 'fail') return;
  throw refusal(
    'gate-refused',
    `the gate refused ${model}:\n  ${result.verdict.reasons.join('\n  ')}`,
    'Read the report in the summary of this run.',
  );
});

function outputsOf(result: RetrainResult | undefined): Record<string, string | boolean | undefined> {
  return {
    outcome: result?.verdict.outcome ?? 'skipped',
    'input-key': result?.plan.identity.inputKey,
    digest: result?.candidate.descriptor.digest,
    job: jobOf(result),
    reused: result?.reused,
    'next-version': result?.next?.version,
    'next-bump': result?.next?.bump,
    report: result?.report,
    'report-html': result?.html,
  };
}

function jobOf(result: RetrainResult | undefined): string | undefined {
  const job = result?.candidate.card.training?.job;
  return job?.target === 'azureml' ? job.name : undefined;
}

/** Wherever people look for it. The verdict stands, whoever of them cannot be told. */
async function tell(
  workspace: Workspace,
  event: Event,
  { plan, verdict, next, report }: RetrainResult,
): Promise<void> {
  const { deps, sourceControl } = workspace;
  const markdown = await readFile(report, 'utf8');
  const { model } = plan.identity;
  await summarize(markdown, deps.log);
  const isPull = event.kind === 'pull request';
  // What runs for a fork has no right to write, and should not have it.
  if (isPull && event.mayOnlyRead) return;
  // The head of a pull request is not what is checked out: that is its merge with the branch that it goes to.
  const headSha = isPull ? event.head : await sourceControl?.head();
  const { outcome } = verdict;
  const title = titleOf(outcome, next);
  if (headSha !== undefined) {
    const check = { model, headSha, outcome, title, markdown };
    await attempt(deps, 'the check with the verdict', () => reportCheck(deps, check));
  }
  if (!isPull) return;
  const comment = { pullRequest: event.number, model, markdown };
  await attempt(deps, 'the comment with the report', () => commentReport(deps, comment));
}

function titleOf(outcome: RetrainResult['verdict']['outcome'], next: RetrainResult['next']): string {
  if (outcome === 'fail') return 'refused by the gate';
  return next === undefined ? 'passed' : `passed: would be released as ${next.version} (${next.bump})`;
}
