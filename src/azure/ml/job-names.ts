/** Tags and properties by which a job, data asset or model of ours is found again; the names of the annotations (DESIGN 8.4). */
export const ML_TAG = {
  model: 'dev.edgeloop.model',
  inputKey: 'dev.edgeloop.input-key',
  dataset: 'dev.edgeloop.dataset',
} as const;

/** Where a job's model lies in the datastore of the workspace; `model` in a job's outputs. */
export const MODEL_OUTPUT = 'model';

/** The name of an attempt, from 1, at a training: `edgeloop-churn-0123456789ab`, then `-2`, `-3`. */
export function jobName(model: string, inputKey: string, attempt: number): string {
  const name = `edgeloop-${model}-${inputKey.slice(0, 12)}`;
  return attempt === 1 ? name : `${name}-${attempt}`;
}
