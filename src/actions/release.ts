import { misuse } from '../errors.ts';
import { releaseModel } from '../loop/release.ts';
import { labelledBump } from '../loop/tell/labelled-bump.ts';
import { repositoryOf } from '../loop/workspace.ts';
import { higherLevel } from '../versioning/index.ts';
import { currentEvent } from './current-event.ts';
import { choice, optional, required } from './inputs.ts';
import { setOutputs, summarize } from './outputs.ts';
import { openScoringProject } from './project.ts';
import { runAction } from './run-action.ts';
import { releaseSummary } from './summaries.ts';

await runAction(async (context) => {
  const model = required('model', 'churn');
  const asked = choice('bump', ['patch', 'minor', 'major']);
  const baseImage = optional('base-image');
  if ((await currentEvent()).kind === 'pull request') {
    throw misuse(
      'release-of-pull-request',
      'a pull request is not released: what counts is what main holds after it was merged',
      'Run this action for the events push, schedule, repository_dispatch and workflow_dispatch.',
    );
  }
  const workspace = await openScoringProject(context);
  const bump = higherLevel(asked, await labelledBump(workspace, model));
  const { release, created } = await releaseModel(workspace, model, {
    ...(bump !== undefined && { bump }),
    ...(baseImage !== undefined && { baseImage }),
  });
  const { name } = repositoryOf(workspace, model);
  const { version, lock, tag, commit } = release;
  setOutputs({
    version,
    created,
    tag,
    commit,
    image: `${name}:${version}`,
    'image-digest': lock.image,
    'model-manifest': `${name}:${version}-model`,
    digest: lock.modelManifest,
  });
  context.log(
    'info',
    `${model} ${version} (${lock.bump}) is ${tag}, ModelPack manifest ${lock.modelManifest}`,
  );
  await summarize(releaseSummary(release, created), context.log);
});
