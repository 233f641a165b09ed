import { runAction } from './run-action.ts';
import { endTraining } from './training-state.ts';

// A step that was cancelled ends its training itself; one that was killed has had no time to.
await runAction(async ({ log }) => {
  const ended = endTraining();
  if (ended !== undefined)
    log('warn', `ended the training that this step has left behind (process ${ended})`);
});
