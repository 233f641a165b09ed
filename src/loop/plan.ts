import {
  type DatasetDifference,
  datasetDifference,
  type DatasetFile,
  parseManifest,
} from '../dataset/index.ts';
import { type Descriptor, readArtifact } from '../oci/index.ts';
import { trainingChanges } from '../versioning/index.ts';
import { identify, type Identity } from './identify.ts';
import { findChampion, type Released } from './releases.ts';
import { repositoryOf, type Workspace } from './workspace.ts';

/** Artifact type of the referrer that lists a model's training data: its blob's digest is the dataset's digest. */
export const DATASET_ARTIFACT_TYPE = 'application/vnd.edgeloop.dataset-manifest.v1+jsonl';

export interface Plan {
  identity: Identity;
  champion: Released | undefined;
  /** `unchanged`: it is the champion. `reuse`: it was trained before. `train`: it never was. */
  decision: 'train' | 'reuse' | 'unchanged';
  reasons: string[];
  /** The ModelPack manifest that an earlier training of the same inputs left. */
  candidate: Descriptor | undefined;
}

/** What would be trained for a model, and why. Trains and writes nothing. */
export async function planModel(workspace: Workspace, model: string): Promise<Plan> {
  return planFor(workspace, await identify(workspace, model));
}

/** The same for inputs that are known already. */
export async function planFor(workspace: Workspace, identity: Identity): Promise<Plan> {
  const { model } = identity;
  const repository = repositoryOf(workspace, model);
  const [candidate, champion] = await Promise.all([
    repository.resolve(candidateTag(identity.inputKey)),
    findChampion(workspace, model),
  ]);
  const common = { identity, champion, candidate };
  if (champion?.card.training?.inputKey === identity.inputKey) {
    return {
      ...common,
      decision: 'unchanged',
      reasons: [`nothing changed since ${model} ${champion.version}`],
    };
  }
  const reasons = await changesSince(workspace, champion, identity);
  if (candidate === undefined) return { ...common, decision: 'train', reasons };
  return { ...common, decision: 'reuse', reasons: [...reasons, `already trained as ${candidate.digest}`] };
}

/** Tag of the candidate that a training with this input key left. */
export function candidateTag(inputKey: string): string {
  return `in-${inputKey}`;
}

/** In words, what differs from the champion's training. */
export async function changesSince(
  workspace: Workspace,
  champion: Released | undefined,
  identity: Identity,
): Promise<string[]> {
  if (champion === undefined) return ['no release yet: this is the first training'];
  const before = champion.card.training?.inputs;
  if (before === undefined) return [`the champion ${champion.version} was not trained here`];
  const changes = trainingChanges(before, identity.inputs);
  if (before.dataset === identity.inputs.dataset) return changes.map(({ reason }) => reason);
  const files = await datasetOf(workspace, identity.model, champion);
  const data =
    files === undefined ? '' : `: ${describeData(datasetDifference(files, identity.dataset.files))}`;
  return changes.map(({ level, reason }) => (level === 'patch' ? `${reason}${data}` : reason));
}

async function datasetOf(
  workspace: Workspace,
  model: string,
  champion: Released,
): Promise<DatasetFile[] | undefined> {
  const repository = repositoryOf(workspace, model);
  const [descriptor] = await repository.referrers(champion.digest, DATASET_ARTIFACT_TYPE);
  if (descriptor === undefined) return undefined;
  const { bytes } = await readArtifact(repository, descriptor, DATASET_ARTIFACT_TYPE);
  return parseManifest(bytes);
}

function describeData(difference: DatasetDifference): string {
  const parts = Object.entries(difference)
    .filter(([, files]) => files.length > 0)
    .map(([what, files]: [string, DatasetFile[]]) => {
      const bytes = files.reduce((sum, file) => sum + file.size, 0);
      const names = files
        .slice(0, 3)
        .map((file) => file.path)
        .join(', ');
      const more = files.length > 3 ? `, and ${files.length - 3} more` : '';
      return `${files.length} ${files.length === 1 ? 'file' : 'files'} ${what} (${names}${more}; ${bytes.toLocaleString('en')} bytes)`;
    });
  return parts.join(', ');
}
