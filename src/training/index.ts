export type { CodeHistory, CodeSnapshot } from './code-snapshot.ts';
export { inputKey, type KeyedInputs } from './input-key.ts';
export { trainLocally, type LocalTraining, type TrainingDeps } from './local.ts';
