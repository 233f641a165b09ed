import { z } from 'zod';
import type { Run } from './benchmark.ts';
import { forget, type ManyFilesProject } from './many-files-project.ts';
import type { OwnCase } from './plan-report.ts';
import { PROGRAM } from './program.ts';
import type { Step } from './steps.ts';

const planSchema = z.object({ models: z.tuple([z.object({ dataset: z.object({ digest: z.string() }) })]) });

type Digest = () => string;

/** One run of our cases and git's, each in the state that the one before it left. */
export function ownSteps(run: Run, project: ManyFilesProject, index: number): Step<OwnCase>[] {
  const { inGit, outside, clone, digest } = project;
  const unchanged = unchangedSteps(project);
  const now = () => digest.now;
  // Once unmeasured, since a system may have dropped from its page cache what nobody has asked for of late.
  const cold = (step: Step<OwnCase>, before?: () => Promise<void>): Step<OwnCase> => ({
    ...step,
    async prepare() {
      await before?.();
      const [program, ...args] = step.command;
      await run.processes.run(program, args, { cwd: step.cwd });
      await forget(step.cwd);
    },
  });
  return [
    { case: 'edgeloop --version', command: [process.execPath, PROGRAM, '--version'], cwd: inGit },
    cold(plan('cold', inGit, now), () => project.restore()),
    // Whatever the first of them has of it, the last one has as often.
    ...(index % 2 === 0 ? unchanged : unchanged.toReversed()),
    cold(plan('outside of git, cold', outside, () => digest.committed)),
    plan('outside of git, nothing changed', outside, () => digest.committed),
    cold(plan('in a fresh clone, cold', clone, () => digest.first)),
    { ...plan('one file changed and committed', inGit, now), prepare: () => project.changeAndCommit() },
    { ...plan('one file changed, not committed', inGit, now), prepare: () => project.change() },
  ];
}

function unchangedSteps({ inGit, digest }: ManyFilesProject): Step<OwnCase>[] {
  return [
    { case: 'git diff-index --quiet HEAD', command: ['git', 'diff-index', '--quiet', 'HEAD'], cwd: inGit },
    {
      case: 'git status --porcelain',
      command: ['git', 'status', '--porcelain'],
      cwd: inGit,
      check: (printed) => (printed === '' ? undefined : `not clean:\n${printed}`),
    },
    plan('nothing changed', inGit, () => digest.now),
    {
      case: 'the same without --json',
      command: [process.execPath, PROGRAM, 'plan'],
      cwd: inGit,
      check: (printed) =>
        printed.includes(`dataset ${digest.now} `) ? undefined : `no dataset ${digest.now} in:\n${printed}`,
    },
  ];
}

function plan(name: OwnCase, cwd: string, expected: Digest): Step<OwnCase> {
  return {
    case: name,
    command: [process.execPath, PROGRAM, 'plan', '--json'],
    cwd,
    check(printed) {
      const [{ dataset }] = planSchema.parse(JSON.parse(printed)).models;
      return dataset.digest === expected()
        ? undefined
        : `the dataset is ${expected()}, the plan says ${dataset.digest}`;
    },
  };
}
