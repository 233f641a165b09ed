import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { metadataSchema, requestBodies } from '../../src/cli/quickstart/rows.ts';
import { http } from '../../src/http.ts';
import type { Run } from './benchmark.ts';
import { commitAll, gitIn, initRepository } from './git-repository.ts';
import { PROGRAM, ROOT } from './program.ts';

/** One released version of the churn model. */
export interface Release {
  version: string;
  /** Of its ModelPack manifest. */
  digest: string;
  modelFile: string;
}

const retrainSchema = z.object({ candidate: z.object({ path: z.string(), digest: z.string() }) });
const releaseSchema = z.object({ version: z.string() });

export const registryOf = (project: string): string => `oci:${project}/.edgeloop/registry`;

/** The churn example as a new git repository with the first part of its data, nothing trained. */
export async function prepareChurn(run: Run): Promise<string> {
  const project = join(run.scratch, 'churn');
  await mkdir(project);
  for (const part of ['edgeloop.yaml', 'package-lock.json', 'package.json', 'data', 'training', 'arrivals']) {
    await cp(join(ROOT, 'examples/churn', part), join(project, part), { recursive: true });
  }
  const git = gitIn(run, project);
  await initRepository(git);
  await commitAll(git, 'first part');
  return project;
}

/** Trains and releases what the project holds now, with the built program. */
export async function releaseChurn(run: Run, project: string): Promise<Release> {
  const edgeloop = async (...args: string[]): Promise<unknown> =>
    JSON.parse(
      await run.processes.run(process.execPath, [PROGRAM, ...args, 'churn', '--json'], { cwd: project }),
    );
  const { candidate } = retrainSchema.parse(await edgeloop('retrain'));
  const { version } = releaseSchema.parse(await edgeloop('release'));
  return { version, digest: candidate.digest, modelFile: join(candidate.path, 'model.onnx') };
}

export async function secondPartArrives(run: Run, project: string): Promise<void> {
  await rename(join(project, 'arrivals/churn-2.csv'), join(project, 'data/train/churn-2.csv'));
  await commitAll(gitIn(run, project), 'second part');
}

export async function changeTrees(run: Run, project: string, trees: number): Promise<void> {
  const file = join(project, 'edgeloop.yaml');
  const before = await readFile(file, 'utf8');
  const after = before.replace(/trees: \d+/, `trees: ${trees}`);
  if (after === before) throw new Error(`${file} has no number of trees to change`);
  await writeFile(file, after);
  await commitAll(gitIn(run, project), `${trees} trees`);
}

/** A request for each row of the holdout, as the agent at `url` says that its churn model wants them. */
export async function churnBodies(url: string, project: string): Promise<string[]> {
  const { body } = await http(`${url}/v2/models/churn`);
  return requestBodies(join(project, 'data/holdout.csv'), metadataSchema.parse(JSON.parse(body.toString())));
}
