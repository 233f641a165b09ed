import { type DatasetFile, parseManifest } from '../dataset/index.ts';
import { type Descriptor, readArtifact } from '../oci/index.ts';
import { type Changes, changesBetween, type TrainingFacts } from './changes.ts';
import { identify, type Identity } from './identify.ts';
import { factsAtRevision } from './revision.ts';
import { findChampion, type Released } from './releases.ts';
import { repositoryOf, type Workspace } from './workspace.ts';

/** Artifact type of the referrer that lists a model's training data: its blob's digest is the dataset's digest. */
export const DATASET_ARTIFACT_TYPE = 'application/vnd.edgeloop.dataset-manifest.v1+jsonl';
/** The same for the training code. */
export const CODE_ARTIFACT_TYPE = 'application/vnd.edgeloop.code-manifest.v1+jsonl';

export interface Plan {
  identity: Identity;
  champion: Released | undefined;
  /**
   * `unchanged`: it is the champion, or what it is compared with. `reuse`: it was trained before. `train`: it never was.
   */
  decision: 'train' | 'reuse' | 'unchanged';
  reasons: string[];
  /** What it was compared with; `undefined` when there is nothing. */
  changes: Changes | undefined;
  /** The ModelPack manifest that an earlier training of the same inputs left. */
  candidate: Descriptor | undefined;
}

export interface PlanOptions {
  /** Compares with this commit instead of the champion. */
  since?: string | undefined;
}

/** What would be trained for a model, and why. Trains nothing, and downloads no data. */
export async function planModel(
  workspace: Workspace,
  model: string,
  options: PlanOptions = {},
): Promise<Plan> {
  return planFor(workspace, await identify(workspace, model), options);
}

/** The same for inputs that are known already. */
export async function planFor(
  workspace: Workspace,
  identity: Identity,
  { since }: PlanOptions = {},
): Promise<Plan> {
  const { model, inputKey } = identity;
  const repository = repositoryOf(workspace, model);
  const [candidate, champion] = await Promise.all([
    repository.resolve(candidateTag(inputKey)),
    findChampion(workspace, model),
  ]);
  const common = { identity, champion, candidate };
  const compared =
    since === undefined
      ? await compareWithChampion(workspace, champion, identity)
      : await compareWithRevision(workspace, since, identity);
  const { name, changes, reasons } = compared;
  if (changes !== undefined && changes.reasons.length === 0) {
    return { ...common, changes, decision: 'unchanged', reasons: [`nothing changed since ${name}`] };
  }
  if (candidate === undefined) return { ...common, changes, decision: 'train', reasons };
  const known = [...reasons, `already trained as ${candidate.digest}`];
  return { ...common, changes, decision: 'reuse', reasons: known };
}

/** Tag of the candidate that a training with this input key left. */
export function candidateTag(inputKey: string): string {
  return `in-${inputKey}`;
}

interface Comparison {
  name: string;
  changes: Changes | undefined;
  /** What changed, or why nothing can be compared. */
  reasons: string[];
}

async function compareWithChampion(
  workspace: Workspace,
  champion: Released | undefined,
  identity: Identity,
): Promise<Comparison> {
  const name = `${identity.model} ${champion?.version ?? ''}`;
  const cannot = (why: string): Comparison => ({ name, changes: undefined, reasons: [why] });
  if (champion === undefined) return cannot('no release yet: this is the first training');
  const inputs = champion.card.training?.inputs;
  if (inputs === undefined) return cannot(`the champion ${champion.version} was not trained here`);
  const listed = (type: string) => async () => filesOf(workspace, identity.model, champion, type);
  const before = { inputs, data: listed(DATASET_ARTIFACT_TYPE), code: listed(CODE_ARTIFACT_TYPE) };
  const changes = await changesBetween(before, factsNow(identity));
  return { name, changes, reasons: changes.reasons };
}

async function compareWithRevision(
  workspace: Workspace,
  since: string,
  identity: Identity,
): Promise<Comparison> {
  const before = await factsAtRevision(workspace, since, identity);
  if ('missing' in before) return { name: since, changes: undefined, reasons: [before.missing] };
  const changes = await changesBetween(before, factsNow(identity));
  return { name: since, changes, reasons: changes.reasons };
}

function factsNow({ inputs, dataset, code }: Identity): TrainingFacts {
  return {
    inputs,
    data: async () => parseManifest(await dataset.manifest()),
    code: async () => parseManifest(await code.manifest()),
  };
}

/** What a plan says as JSON (DESIGN 8.1). */
export function planFacts({ identity, decision, reasons, changes, champion, candidate }: Plan) {
  const { digest, files, bytes } = identity.dataset;
  const { reasons: _, ...changed } = changes ?? { reasons: [] };
  return {
    model: identity.model,
    inputKey: identity.inputKey,
    decision,
    reasons,
    changes: changes === undefined ? null : changed,
    dataset: { digest, files, bytes },
    champion: champion === undefined ? null : { version: champion.version, digest: champion.digest },
    candidate: candidate?.digest ?? null,
  };
}

/** The files that a released model was trained on; `undefined` when the registry does not know them. */
export async function filesOf(
  workspace: Workspace,
  model: string,
  { digest }: Released,
  artifactType: string,
): Promise<DatasetFile[] | undefined> {
  const repository = repositoryOf(workspace, model);
  const [descriptor] = await repository.referrers(digest, artifactType);
  if (descriptor === undefined) return undefined;
  const { bytes } = await readArtifact(repository, descriptor, artifactType);
  return parseManifest(bytes);
}
