import { openProject } from './project.ts';
import { runAction } from './run-action.ts';
import { endTraining, leftJob } from './training-state.ts';

// A step that was cancelled ends its training itself; one that was killed has had no time to.
await runAction(async (context) => {
  const { log } = context;
  const ended = endTraining();
  if (ended !== undefined)
    log('warn', `ended the training that this step has left behind (process ${ended})`);
  const job = leftJob();
  if (job === undefined) return;
  const { cancelOnAzure } = await import('../loop/train-on-azure.ts');
  const said = await cancelOnAzure(await openProject(context), job);
  if (said.kind === 'confirmed' && said.state === 'Completed')
    return log('info', `the job ${job}, which this step has left behind, had been completed before`);
  const told = said.kind === 'confirmed' ? said.state : `not confirmed: ${said.why}`;
  log('warn', `cancelled the job ${job}, which this step has left behind (${told})`);
});
