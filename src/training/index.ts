export type { CodeHistory, CodeSnapshot } from './code-snapshot.ts';
export { inputKey, type KeyedInputs } from './input-key.ts';
export { trainLocally, type LocalTraining, type TrainingDeps, type TrainingResult } from './local.ts';
export { TRAINING_LOG_ARTIFACT_TYPE } from './training-log.ts';
export { plainLine } from './plain-line.ts';
export {
  readTrainerFile,
  removeTrainerFile,
  TRAINER_FILE,
  type TrainerFile,
  withLabels,
} from './trainer-file.ts';
