export { bindCommand, type BoundCommand } from './command.ts';
export type { CodeHistory, CodeSnapshot } from './code-snapshot.ts';
export { inputKey, type KeyedInputs } from './input-key.ts';
export { type LocalTraining, requireModel, trainLocally, type TrainingResult } from './local.ts';
export { type LocalPrediction, predictLocally } from './predict.ts';
export type { CommandDeps } from './run-command.ts';
export { openTrainingLog, TRAINING_LOG_ARTIFACT_TYPE } from './training-log.ts';
export type {
  FinishedJob,
  ServiceJob,
  ServiceLog,
  ServiceTraining,
  TrainedRevision,
  TrainingBudget,
  TrainingData,
} from './service.ts';
export { plainLine } from './plain-line.ts';
export {
  GOLDEN_INPUTS_FILE,
  readTrainerFile,
  removeTrainerFile,
  TRAINER_FILE,
  type TrainerFile,
  withLabels,
} from './trainer-file.ts';
