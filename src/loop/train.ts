import { mkdir, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describeFiles, downloadRemote, parseManifest, provideFiles } from '../dataset/index.ts';
import { fileCount } from '../file-count.ts';
import { failure, messageOf } from '../errors.ts';
import type { Card } from '../onnx/index.ts';
import { type CodeSnapshot, trainLocally } from '../training/index.ts';
import { blameSetting } from './blame-setting.ts';
import type { Identity } from './identify.ts';
import type { SpentFacts } from '../report/index.ts';
import { describeCode, isInside, lookAtCheckout, readOptions, withCheckedOut } from './inputs.ts';
import { workPath, type Workspace } from './workspace.ts';

export type Job = NonNullable<Card['training']>['job'];

export interface Trained {
  job: Job;
  /** File with all that the training printed; absent when there is nothing in it or something is missing. */
  log?: string;
  /** What a service took for it. */
  spent?: SpentFacts;
}

/**
 * Runs a model's training in a clean copy of the code and leaves what it wrote in `output`; `folder` is for everything
 * else that it needs. Throws `dataset-differs` and `code-changed` when what was planned is not what is there, also when
 * that shows only afterwards.
 */
export async function runTraining(
  workspace: Workspace,
  identity: Identity,
  { folder, data, output }: { folder: string; data: string; output: string },
): Promise<Trained> {
  const { settings, model, inputKey } = identity;
  const { log, environment, signal, followTraining } = workspace.deps;
  const project = await copyCode(workspace, identity, join(folder, 'project'));
  log('info', `training ${model}`, { inputKey });
  const params = Object.fromEntries(
    Object.entries(settings.train.params).map(([name, value]) => [name, String(value)]),
  );
  const logFile = workPath(workspace, 'logs', model, `${inputKey}.log`);
  const follower = followTraining(model);
  const training = {
    model,
    run: identity.inputs.command,
    folder: project,
    project: workspace.config.root,
    inputs: { ...params, train: data },
    output,
    logFile,
    timeoutMs: settings.train.timeout,
  };
  const { seconds, printed, logProblem } = await blameSetting(
    workspace,
    model,
    ({ code }) => (code === 'training-timeout' ? 'train.timeout' : 'train.run'),
    () => trainLocally(training, { onStart: follower.started, onLine: follower.line, environment, signal }),
  ).finally(follower.end);
  await requirePlannedData(workspace, identity);
  log('info', `trained ${model} in ${seconds.toFixed(1)} s`);
  const complete = logProblem === undefined;
  if (!complete) log('warn', `the log of the training is incomplete: ${messageOf(logProblem)}`, { logFile });
  const job: Job = { target: 'local', name: `edgeloop-${model}-${inputKey.slice(0, 12)}` };
  return printed && complete ? { job, log: logFile } : { job };
}

/** Brings the training data to this disk, exactly as they were planned, and says where they are. */
export async function provideData(workspace: Workspace, identity: Identity, folder: string): Promise<string> {
  const { dataset, paths } = identity;
  const options = readOptions(workspace);
  if (paths.remote !== undefined) {
    const kept = workPath(workspace, 'data', dataset.digest.slice('sha256:'.length));
    workspace.deps.log('info', `fetching ${fileCount(dataset.files)} from ${paths.remote.name}`);
    const files = parseManifest(await dataset.manifest());
    const provided = await downloadRemote(paths.remote, files, kept, options);
    const [only] = files;
    // As a job on Azure ML gets it, and as a file on this disk is given.
    return paths.remote.isFile === true && only !== undefined ? join(provided, only.path) : provided;
  }
  await requirePlannedData(workspace, identity);
  return provideFiles(paths.train, dataset, join(folder, 'data'), options.signal);
}

/** All files that a training was given, in an order that does not depend on the disk. */
export async function filesIn(data: string): Promise<string[]> {
  if ((await stat(data)).isFile()) return [data];
  const entries = await readdir(data, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/**
 * Looks at the files themselves, whatever git says of them, since a model must not be named by data that it never saw.
 * What was downloaded was checked on its way.
 */
export async function requirePlannedData(
  workspace: Workspace,
  { paths, dataset }: Pick<Identity, 'paths' | 'dataset'>,
): Promise<void> {
  if (paths.remote !== undefined) return;
  const { digest } = await describeFiles(paths.train, readOptions(workspace));
  if (digest === dataset.digest) return;
  throw failure(
    'dataset-differs',
    `${paths.train.join(', ')} is ${digest} on this disk, but ${dataset.digest} was planned`,
    'Leave the data alone while a training runs; if nobody has touched them, check them out anew.',
  );
}

/**
 * A copy of all that is committed (or would be, with --allow-dirty), without the training data and the holdout: what
 * else a training might read is not there, and what it writes does no harm. Without git, or with code outside of the
 * repository, there is nothing to copy from, and the project's own folder serves.
 */
export async function copyCode(workspace: Workspace, identity: Identity, copy: string): Promise<string> {
  const { config, sourceControl, deps } = workspace;
  const { paths } = identity;
  const checkedOut = await lookAtCheckout(workspace, paths);
  return withCheckedOut(workspace, paths, checkedOut, async (snapshot) => {
    if (snapshot === undefined || sourceControl === undefined) return config.root;
    await requirePlannedCode(workspace, identity, snapshot);
    if (!isInside(sourceControl.top, paths.code)) return config.root;
    const project = join(copy, relative(sourceControl.top, config.root));
    await mkdir(project, { recursive: true });
    await snapshot.exportTo(copy, { without: [...paths.train, paths.holdout] }, deps.signal);
    return project;
  });
}

/** Looks at code and environment in the snapshot that is trained, or as they lie on this disk. Throws `code-changed`. */
export async function requirePlannedCode(
  workspace: Workspace,
  { paths, inputs }: Identity,
  snapshot: CodeSnapshot | undefined,
): Promise<void> {
  const { code, environment } = await describeCode(workspace, paths, snapshot);
  if (code.digest === inputs.code && environment === inputs.environment) return;
  throw failure('code-changed', `${paths.code} has changed since it was planned`, 'Run it again.');
}
