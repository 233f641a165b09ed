import { connectToGitHub } from '../on-github.ts';
import type { LoopDeps } from '../workspace.ts';

/**
 * Leaves a model's report as the one comment about it on a pull request. Throws coded failures only: what they mean for
 * the verdict, nothing, the caller decides.
 */
export async function commentReport(
  deps: LoopDeps,
  report: { pullRequest: number; model: string; markdown: string },
): Promise<void> {
  const client = await connectToGitHub(deps, `the comment on pull request #${report.pullRequest}`);
  const { putReportComment } = await import('../../github/index.ts');
  await putReportComment(client, report);
}
