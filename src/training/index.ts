export { inputKey, type KeyedInputs } from './input-key.ts';
export { trainLocally, type LocalTraining, type TrainingDeps } from './local.ts';
