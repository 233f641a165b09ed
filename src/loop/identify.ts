import { relative, resolve } from 'node:path';
import { modelConfig, type ModelConfig } from '../config/index.ts';
import { type Dataset, describeDataset } from '../dataset/index.ts';
import { misuse } from '../errors.ts';
import type { TrainingInputs } from '../onnx/index.ts';
import { inputKey } from '../training/index.ts';
import type { Workspace } from './workspace.ts';

/** What would be trained now, and its name. */
export interface Identity {
  model: string;
  settings: ModelConfig;
  inputKey: string;
  inputs: TrainingInputs;
  dataset: Dataset;
  /** Absolute paths. */
  paths: { train: string; holdout: string; code: string; environment: string };
}

/** Computes a model's input key from the working tree (docs/input-key.md). */
export async function identify(workspace: Workspace, model: string): Promise<Identity> {
  const settings = modelConfig(workspace.config, model);
  const at = (path: string) => resolve(workspace.config.root, path);
  const { train, data } = settings;
  const paths = {
    train: at(data.train),
    holdout: at(data.holdout),
    code: at(train.code),
    environment: at(train.environment),
  };
  const { signal } = workspace.deps;
  const dataset = await describeDataset(paths.train, { signal });
  const [code, environment] = await Promise.all([
    describeDataset(paths.code, { signal }),
    describeDataset(paths.environment, { signal }),
  ]);
  const [lockFile] = environment.files;
  if (lockFile === undefined || environment.files.length > 1) {
    throw misuse(
      'environment-not-a-file',
      `"environment" of ${model} is ${train.environment}, not a file`,
      'Name a lock file.',
    );
  }
  const inputs = {
    command: train.run,
    code: code.digest,
    dataset: dataset.digest,
    params: train.params,
    environment: `sha256:${lockFile.sha256}`,
  };
  return { model, settings, inputKey: inputKey({ model, ...inputs }), inputs, dataset, paths };
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
  identity: Identity,
  options: { allowDirty?: boolean } = {},
): Promise<Provenance> {
  const { sourceControl, config } = workspace;
  if (sourceControl === undefined) return { commit: null, uncommitted: [] };
  const commit = await sourceControl.head();
  const watched = [config.file, ...Object.values(identity.paths)];
  const inside = watched.filter((path) => !relative(sourceControl.top, path).startsWith('..'));
  const uncommitted = await sourceControl.uncommitted(inside);
  if (uncommitted.length === 0 || options.allowDirty === true) return { commit, uncommitted };
  const more = uncommitted.length > 5 ? ` and ${uncommitted.length - 5} more` : '';
  throw misuse(
    'uncommitted-changes',
    `${uncommitted.slice(0, 5).join(', ')}${more} ${uncommitted.length === 1 ? 'differs' : 'differ'} from the commit ${commit.slice(0, 12)}`,
    'Commit the change, so that everybody can see what made the model: git add -A && git commit. To try something, retrain takes --allow-dirty.',
  );
}
