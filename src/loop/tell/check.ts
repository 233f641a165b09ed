import type { Outcome } from '../../evaluation/index.ts';
import { connectToGitHub } from '../on-github.ts';
import type { LoopDeps } from '../workspace.ts';
import { runPage } from './run-page.ts';

/** Sets the check `edgeloop / MODEL` of a commit by the gate's decision. Throws coded failures only. */
export async function reportCheck(
  deps: LoopDeps,
  {
    model,
    headSha,
    outcome,
    title,
    markdown,
  }: { model: string; headSha: string; outcome: Outcome; title: string; markdown: string },
): Promise<void> {
  const client = await connectToGitHub(deps, `the check of ${model}`);
  const { addCheckRun } = await import('../../github/index.ts');
  await addCheckRun(client, {
    name: `edgeloop / ${model}`,
    headSha,
    conclusion: outcome === 'fail' ? 'failure' : 'success',
    title,
    summary: markdown,
    detailsUrl: runPage(deps.environment),
  });
}
