import { ML_TAG } from './job-names.ts';
import { pageOf, stateOf } from './read-job.ts';
import { courseOf } from './states.ts';
import type { MlWorkspace } from './workspace.ts';

/** A job of ours that has not ended. */
export interface OwnJob {
  name: string;
  model: string;
  /** 64 hex digits. */
  inputKey: string;
  state: string;
  /** When it was submitted; undefined where the service does not say. */
  since: Date | undefined;
  page: string | undefined;
}

/** All jobs of the workspace that Edgeloop submitted, for whatever project, and that are under way. */
export async function listOwnJobs(ml: MlWorkspace): Promise<OwnJob[]> {
  return ml.asking('listing the jobs', async () => {
    const found: OwnJob[] = [];
    for await (const job of ml.client.jobs.list(...ml.at, { tag: ML_TAG.inputKey })) {
      const { [ML_TAG.model]: model, [ML_TAG.inputKey]: inputKey } = job.properties.tags ?? {};
      const state = stateOf(job);
      if (!job.name || !model || !inputKey || courseOf(state) !== 'under way') continue;
      found.push({
        name: job.name,
        model,
        inputKey,
        state,
        since: job.systemData?.createdAt,
        page: pageOf(job),
      });
    }
    return found;
  });
}
