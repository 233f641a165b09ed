import { deprecateRelease } from '../loop/deprecate.ts';
import { openProject } from './project.ts';
import { parseReleaseName } from './release-name.ts';
import { type CommonOptions, runVerb } from './run-verb.ts';

/** `edgeloop deprecate MODEL@VERSION --why TEXT` */
export default function deprecate(name: string, options: CommonOptions & { why: string }): Promise<void> {
  return runVerb(options, async (context) => {
    const release = parseReleaseName(
      name,
      'edgeloop deprecate churn@1.0.1 --why "trained on the prices of last year"',
    );
    const workspace = await openProject(options, context);
    const { deprecation, created } = await deprecateRelease(workspace, { ...release, why: options.why });
    const { model, version, digest, why, date, by } = deprecation;
    return {
      json: { model, version, digest, why, date, by, created },
      text: `${model} ${version} is deprecated${created ? '' : ' already'}: ${why}\n  model ${digest}`,
    };
  });
}
