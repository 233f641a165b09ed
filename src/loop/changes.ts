import { type DatasetFile, datasetDifference } from '../dataset/index.ts';
import type { TrainingInputs } from '../onnx/index.ts';
import { trainingChanges } from '../versioning/index.ts';

/** Files that were added, removed or modified: how many, how large together, and which. */
export interface FileChanges {
  added: FileList;
  removed: FileList;
  modified: FileList;
}

interface FileList {
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
  params: { name: string; from: string | number | boolean | null; to: string | number | boolean | null }[];
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
  const names = new Set([...Object.keys(old.params), ...Object.keys(current.params)]);
  const params = [...names].map((name) => ({
    name,
    from: old.params[name] ?? null,
    to: current.params[name] ?? null,
  }));
  return {
    reasons,
    command: old.command !== current.command,
    environment: old.environment !== current.environment,
    params: params.filter(({ from, to }) => from !== to),
    data,
    code,
  };
}

async function filesChanged(
  before: TrainingFacts['data'],
  now: TrainingFacts['data'],
): Promise<FileChanges | null> {
  const [old, current] = await Promise.all([before(), now()]);
  if (old === undefined || current === undefined) return null;
  const { added, removed, modified } = datasetDifference(old, current);
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
    return [
      `${files.toLocaleString('en')} ${files === 1 ? 'file' : 'files'} ${what} (${names}${more}; ${bytes.toLocaleString('en')} bytes)`,
    ];
  });
  return parts.join(', ');
}
