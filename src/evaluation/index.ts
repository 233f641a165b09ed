export { pairedBootstrap } from './bootstrap.ts';
export { type Contender, evaluate, type Evaluation } from './evaluate.ts';
export { figure, levelText, percent } from './figures.ts';
export { type DataFindings, inspectData, type TrainingData } from './data/inspect-data.ts';
export type { Distribution } from './data/shift.ts';
export { type Check } from './gate/check.ts';
export { checkData } from './gate/data.ts';
export { judge } from './gate/gate.ts';
export type { Decision, GateInput } from './gate/input.ts';
export type {
  DataRecord,
  Latency,
  MetricJudgement,
  Outcome,
  Rules,
  Shift,
  Slice,
  Tolerance,
} from './gate/record.ts';
export { allowedIn } from './gate/slices.ts';
export { chooseGolden } from './scoring/golden.ts';
export { goldenInputs } from './scoring/golden-inputs.ts';
export { type FeatureOrder, featureOrderOf } from './scoring/input-columns.ts';
export { isTable } from './tables/open-table.ts';
export { readPredictions } from './scoring/predictions-file.ts';
export { scoreHoldout, scoreModel } from './scoring/score.ts';
export { checkHoldout } from './scoring/check-holdout.ts';
export { referenceStatistics } from './data/statistics.ts';
export { ofClassOne } from './tasks/binary-metrics.ts';
export { predictedClasses } from './tasks/multiclass-metrics.ts';
export type { Predictions } from './tasks/task.ts';
export { taskNamed } from './tasks/tasks.ts';
export { unknownCategories } from './data/unknown-categories.ts';
export { decideAgain, parseVerdict, type Verdict, VERDICT_MEDIA_TYPE, verdictBytes } from './verdict.ts';
