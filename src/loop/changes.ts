import { fileCount } from '../file-count.ts';
import { type DatasetFile, datasetDifference } from '../dataset/index.ts';
import type { TrainingInputs } from '../onnx/index.ts';
import { trainingChanges } from '../versioning/index.ts';

/** Files that were added, removed or modified: how many, how large together, and which. */
export interface FileChanges {
  added: FileList;
  removed: FileList;
  modified: FileList;
}

type Param = TrainingInputs['params'][string];

export interface ParamChange {
  name: string;
  from: Param | null;
  to: Param | null;
}

export interface FileList {
  files: number;
  bytes: number;
  paths: string[];
}

/** What differs between two trainings. */
export interface Changes {
  /** A sentence each. */
  reasons: string[];
  command: boolean;
  environment: boolean;
  params: ParamChange[];
  /** `null`: nothing changed, or which files there were before is not known any more. */
  data: FileChanges | null;
  code: FileChanges | null;
}

/** A training and the files that it read; `undefined` when nobody knows them any more. */
export interface TrainingFacts {
  inputs: TrainingInputs;
  data(): Promise<DatasetFile[] | undefined>;
  code(): Promise<DatasetFile[] | undefined>;
}

/** A card and a report are pages, a matrix of files is not: paths beyond these are counted. */
const LISTED = 100;
const NAMED = 3;

/** What differs between an earlier training and the one that would be made now. */
export async function changesBetween(before: TrainingFacts, now: TrainingFacts): Promise<Changes> {
  const [old, current] = [before.inputs, now.inputs];
  const data = old.dataset === current.dataset ? null : await filesChanged(before.data, now.data);
  const code = old.code === current.code ? null : await filesChanged(before.code, now.code);
  const reasons = trainingChanges(old, current).map(({ about, reason }) => {
    const files = about === 'data' ? data : about === 'code' ? code : null;
    return files === null ? reason : `${reason}: ${inWords(files)}`;
  });
  return {
    reasons,
    command: old.command !== current.command,
    environment: old.environment !== current.environment,
    params: paramChanges(old, current),
    data,
    code,
  };
}

/** The params that differ; `null` where there is none of that name. */
export function paramChanges(before: TrainingInputs, now: TrainingInputs): ParamChange[] {
  const names = new Set([...Object.keys(before.params), ...Object.keys(now.params)]);
  return [...names]
    .map((name) => ({ name, from: before.params[name] ?? null, to: now.params[name] ?? null }))
    .filter(({ from, to }) => from !== to);
}

async function filesChanged(
  before: TrainingFacts['data'],
  now: TrainingFacts['data'],
): Promise<FileChanges | null> {
  const [old, current] = await Promise.all([before(), now()]);
  return old === undefined || current === undefined ? null : fileChanges(old, current);
}

/** The files that were added, removed and modified between two manifests. */
export function fileChanges(before: readonly DatasetFile[], now: readonly DatasetFile[]): FileChanges {
  const { added, removed, modified } = datasetDifference(before, now);
  return { added: listed(added), removed: listed(removed), modified: listed(modified) };
}

function listed(files: readonly DatasetFile[]): FileList {
  return {
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    paths: files.slice(0, LISTED).map(({ path }) => path),
  };
}

function inWords(changes: FileChanges): string {
  const parts = Object.entries(changes).flatMap(([what, { files, bytes, paths }]: [string, FileList]) => {
    if (files === 0) return [];
    const more = files > NAMED ? `, and ${files - NAMED} more` : '';
    const names = paths.slice(0, NAMED).join(', ');
    return [`${fileCount(files)} ${what} (${names}${more}; ${bytes.toLocaleString('en')} bytes)`];
  });
  return parts.join(', ');
}
