import { existsSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { modelConfig, type ModelConfig } from '../config/index.ts';
import type { Dataset } from '../dataset/index.ts';
import { misuse } from '../errors.ts';
import type { TrainingInputs } from '../onnx/index.ts';
import { inputKey } from '../training/index.ts';
import { blameSetting } from './blame-setting.ts';
import {
  type CodeDescription,
  decidingFiles,
  describeCode,
  describeData,
  isInside,
  lookAtCheckout,
  type Paths,
  withCheckedOut,
} from './inputs.ts';
import { openRemoteData } from './remote-data.ts';
import { prepareWorkFolder, workPath, type Workspace } from './workspace.ts';

/** What would be trained now, and its name. */
export interface Identity {
  model: string;
  settings: ModelConfig;
  inputKey: string;
  inputs: TrainingInputs;
  dataset: Dataset;
  code: Dataset;
  paths: Paths;
}

/**
 * Computes a model's input key (docs/input-key.md): code and environment from what git would commit, data from what
 * lies on this disk or what their store lists.
 */
export async function identify(workspace: Workspace, model: string): Promise<Identity> {
  const settings = modelConfig(workspace.config, model);
  const blame = <T>(setting: Parameters<typeof blameSetting>[2], work: () => T | Promise<T>) =>
    blameSetting(workspace, model, setting, work);
  const paths = await blame(dataSetting(settings), () => pathsOf(workspace, settings));
  await prepareWorkFolder(workspace);
  const checkedOut = await lookAtCheckout(workspace, paths);
  const [dataset, code] = await Promise.all([
    blame('data.train', () => describeData(workspace, paths, checkedOut)),
    blame(
      ({ message }) => codeSetting(paths, message),
      () =>
        withCheckedOut(workspace, paths, checkedOut, (snapshot) => describeCode(workspace, paths, snapshot)),
    ),
  ]);
  return identityOf(model, settings, paths, dataset, code);
}

/** Puts together what names a training. */
export function identityOf(
  model: string,
  settings: ModelConfig,
  paths: Paths,
  dataset: Dataset,
  { code, environment }: CodeDescription,
): Identity {
  const { params } = settings.train;
  const command = commandOf(settings);
  const inputs = { command, code: code.digest, dataset: dataset.digest, params, environment };
  return { model, settings, inputKey: inputKey({ model, ...inputs }), inputs, dataset, code, paths };
}

/** Where everything that decides a training lies. */
export function pathsOf(workspace: Workspace, { train, data }: ModelConfig): Paths {
  const at = (path: string) => resolve(workspace.config.root, path);
  const remote = openRemoteData('data.train', data.train, workspace);
  const remoteHoldout = openRemoteData('data.holdout', [data.holdout], workspace);
  return {
    train: remote === undefined ? data.train.map(at) : [],
    remote,
    holdout: remoteHoldout === undefined ? at(data.holdout) : workPath(workspace, 'data', 'holdout'),
    remoteHoldout,
    code: at(train.code),
    environment: environmentOf(train, at),
  };
}

/** The command as it is named; a job file's content is part of the code. */
function commandOf({ train: { run, job } }: ModelConfig): string {
  return run ?? `azureml job ${job}`;
}

/** A job file names its environment itself. */
function environmentOf(
  { environment, job, target }: ModelConfig['train'],
  at: (path: string) => string,
): Paths['environment'] {
  const named = environment ?? job ?? '';
  return target === 'azureml' && environment !== undefined ? { named } : { file: at(named) };
}

function codeSetting({ environment, code }: Paths, message: string): string {
  if (!('file' in environment) || !message.includes(environment.file)) return 'train.code';
  return environment.file.startsWith(join(code, sep)) ? 'train.job' : 'train.environment';
}

/** Which address it is that `pathsOf` cannot take; what stands behind "?" it does not repeat. */
function dataSetting({ data }: ModelConfig): (error: Error) => string {
  const holdout = data.holdout.replace(/\?.*/s, '');
  return ({ message }) => (message.includes(holdout) ? 'data.holdout' : 'data.train');
}

/** Where the content that `identify` saw comes from. */
export interface Provenance {
  /** The commit that is checked out, or null outside a git repository. */
  commit: string | null;
  /** Paths that differ from it; empty unless that was allowed. */
  uncommitted: string[];
}

/** Refuses uncommitted changes to anything that the input key or the verdict depends on, unless they are allowed. */
export async function provenance(
  workspace: Workspace,
  model: string,
  options: { allowDirty?: boolean } = {},
): Promise<Provenance> {
  const { sourceControl, config } = workspace;
  const settings = modelConfig(config, model);
  const paths = await blameSetting(workspace, model, dataSetting(settings), () =>
    pathsOf(workspace, settings),
  );
  if (sourceControl === undefined) return { commit: null, uncommitted: [] };
  const commit = await sourceControl.head();
  const records = paths.train.map((path) => `${path}.dvc`).filter((path) => existsSync(path));
  const watched = [config.file, ...paths.train, ...records, paths.holdout, ...decidingFiles(paths)];
  const inside = watched.filter((path) => isInside(sourceControl.top, path));
  const uncommitted = await sourceControl.uncommitted(inside);
  if (uncommitted.length === 0 || options.allowDirty === true) return { commit, uncommitted };
  const more = uncommitted.length > 5 ? ` and ${uncommitted.length - 5} more` : '';
  throw misuse(
    'uncommitted-changes',
    `${uncommitted.slice(0, 5).join(', ')}${more} ${uncommitted.length === 1 ? 'differs' : 'differ'} from the commit ${commit.slice(0, 12)}`,
    'Commit the change, so that everybody can see what made the model: git add -A && git commit. To try something, retrain takes --allow-dirty.',
  );
}
