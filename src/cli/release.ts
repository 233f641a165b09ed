import { releaseModel, type ReleaseOptions, type ReleaseResult } from '../loop/release.ts';
import { repositoryOf } from '../loop/workspace.ts';
import { openProject } from './project.ts';
import { type CommonOptions, runVerb } from './run-verb.ts';

/** `edgeloop release MODEL [--bump LEVEL] [--base-image REF]` */
export default function release(model: string, options: CommonOptions & ReleaseOptions): Promise<void> {
  return runVerb(options, async (context) => {
    const workspace = await openProject(options, context);
    const result = await releaseModel(workspace, model, options);
    return { json: facts(result, repositoryOf(workspace, model).name), text: sentence(result) };
  });
}

function facts({ release: { version, lock, tag, commit }, created }: ReleaseResult, repository: string) {
  return {
    model: lock.model,
    version,
    created,
    bump: lock.bump,
    reasons: lock.reasons,
    tag,
    commit,
    image: { ref: `${repository}:${version}`, digest: lock.image, base: lock.base ?? null },
    modelManifest: { ref: `${repository}:${version}-model`, digest: lock.modelManifest },
  };
}

function sentence({ release: { version, lock, tag, commit }, created }: ReleaseResult): string {
  const head = created ? `released ${lock.model} ${version}` : `${lock.model} ${version} is released already`;
  const reasons = lock.reasons.map((reason) => `  - ${reason}`).join('\n');
  const base = lock.base === undefined ? '' : `\n  built on ${lock.base}`;
  return `${head} (${lock.bump})\n${reasons}\n  model ${lock.modelManifest}\n  image ${lock.image}${base}\n  git tag ${tag} at ${commit.slice(0, 12)}`;
}
