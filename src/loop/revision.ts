import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { parseConfig } from '../config/index.ts';
import { type Dataset, describeFiles, describeStored, parseManifest } from '../dataset/index.ts';
import type { CodeSnapshot } from '../training/index.ts';
import type { TrainingFacts } from './changes.ts';
import { identityOf, type Identity, pathsOf } from './identify.ts';
import { decidingFiles, describeCode, readOptions } from './inputs.ts';
import { requireSourceControl, type Workspace } from './workspace.ts';

/**
 * What a model's training was at a commit. Data that git does not hold are taken for unchanged: nobody knows what they
 * were. `missing` says what the commit lacks.
 */
export async function factsAtRevision(
  workspace: Workspace,
  since: string,
  now: Identity,
): Promise<TrainingFacts | { missing: string }> {
  const sourceControl = requireSourceControl(workspace, 'plan --since');
  const { config } = workspace;
  const commit = await sourceControl.revision(since);
  const file = relative(sourceControl.top, config.file).replaceAll('\\', '/');
  const text = await sourceControl.read(commit, file);
  if (text === undefined) return { missing: `${since} has no ${file} yet` };
  const old = parseConfig(Buffer.from(text).toString(), `${since}:${file}`, config.root);
  const settings = Object.hasOwn(old.models, now.model) ? old.models[now.model] : undefined;
  if (settings === undefined) return { missing: `${since} has no model "${now.model}" yet` };
  const paths = pathsOf(workspace, settings);
  const snapshot = sourceControl.snapshot(commit);
  const needed = decidingFiles(paths);
  const found = await snapshot.find(needed);
  const lacking = needed.find((_, index) => found[index] === undefined);
  if (lacking !== undefined) return { missing: `${since} has no ${relative(config.root, lacking)} yet` };
  const code = await describeCode(workspace, paths, snapshot);
  const data = (await describeDataAt(workspace, paths.train, snapshot)) ?? now.dataset;
  const { inputs } = identityOf(now.model, settings, paths, data, code);
  return {
    inputs,
    data: async () => parseManifest(await data.manifest()),
    code: async () => parseManifest(await code.code.manifest()),
  };
}

async function describeDataAt(
  workspace: Workspace,
  train: readonly string[],
  snapshot: CodeSnapshot,
): Promise<Dataset | undefined> {
  const stored = await snapshot.find(train);
  const records = await snapshot.find(train.map((path) => `${path}.dvc`));
  if (train.length === 0 || train.some((_, index) => (stored[index] ?? records[index]) === undefined))
    return undefined;
  const [path, found] = [train[0], stored[0]];
  if (train.length === 1 && path !== undefined && found !== undefined && records[0] === undefined) {
    const options = { ...readOptions(workspace), asOnDisk: true };
    const described = await describeStored(snapshot.reader, found, basename(path), options);
    if (described !== undefined) return described;
  }
  const folder = await mkdtemp(join(tmpdir(), 'edgeloop-revision-'));
  try {
    const { top } = requireSourceControl(workspace, 'plan --since');
    const only = [...train, ...train.map((each) => `${each}.dvc`)];
    await snapshot.exportTo(folder, { only }, workspace.deps.signal);
    const roots = train.map((each) => join(folder, relative(top, each)));
    const described = await describeFiles(roots, { signal: workspace.deps.signal });
    return described;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
