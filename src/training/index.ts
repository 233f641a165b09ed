export { inputKey, type KeyedInputs } from './input-key.ts';
export { trainLocally, type LocalTraining, type TrainingDeps } from './local.ts';
export {
  readTrainerFile,
  removeTrainerFile,
  TRAINER_FILE,
  type TrainerFile,
  withLabels,
} from './trainer-file.ts';
