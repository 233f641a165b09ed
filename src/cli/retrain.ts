import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type RetrainResult, retrainModel } from '../loop/retrain.ts';
import { openProject } from './project.ts';
import { type CommonOptions, type Outcome, runVerb } from './run-verb.ts';
import type { DetachedTraining } from '../loop/detach.ts';

/** `edgeloop retrain MODEL [--from FOLDER] [--allow-dirty] [--detach]` */
export default function retrain(
  model: string,
  options: CommonOptions & { from?: string; allowDirty?: boolean; detach?: boolean },
): Promise<void> {
  return runVerb(options, async (context) => {
    if (options.detach === true) {
      const { detachTraining } = await import('../loop/detach.ts');
      const left = await detachTraining(await openProject(options, context), model);
      if (left !== undefined) return leftAlone(left);
    }
    const from = options.from === undefined ? {} : { from: resolve(context.cwd, options.from) };
    const allowDirty = options.allowDirty === true;
    const result = await retrainModel(await openProject(options, context), model, { ...from, allowDirty });
    const refused = result.verdict.outcome === 'fail';
    const markdown = await readFile(result.report, 'utf8');
    const text = `${markdown}\nThe same with plots: ${result.html}\n`;
    return { json: facts(result), text, exitCode: refused ? 3 : 0 };
  });
}

function leftAlone({ plan, job: { name, page } }: DetachedTraining): Outcome {
  const { model, inputKey } = plan.identity;
  const text = `${model} is being trained by the job ${name}${page === undefined ? '' : `\n  ${page}`}\nTo take it up: edgeloop retrain ${model}\n`;
  return {
    json: {
      model,
      inputKey,
      reused: false,
      detached: true,
      job: name,
      page: page ?? null,
      candidate: null,
      verdict: null,
      next: null,
      report: null,
    },
    text,
  };
}

function facts({ plan, reused, candidate, verdict, next, report, html }: RetrainResult) {
  return {
    model: plan.identity.model,
    inputKey: plan.identity.inputKey,
    reused,
    uncommitted: candidate.card.training?.uncommitted ?? [],
    job: candidate.card.training?.job.name ?? null,
    candidate: { path: candidate.path, digest: candidate.descriptor.digest },
    verdict: {
      outcome: verdict.outcome,
      reasons: verdict.reasons,
      warnings: verdict.warnings,
      metrics: verdict.metrics,
    },
    next: next ?? null,
    report,
    html,
  };
}
