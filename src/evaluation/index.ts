export type { Batch, TableReader } from './tables/columns.ts';
export { pairedBootstrap } from './bootstrap.ts';
export { type Contender, evaluate, type EvaluateArgs, type Evaluation } from './evaluate.ts';
export { bytes, figure, levelText, percent } from './figures.ts';
export { type DataArgs, type DataFindings, inspectData, type TrainingData } from './data/inspect-data.ts';
export type { Bin } from './data/psi.ts';
export type { Distribution } from './data/shift.ts';
export { type Check } from './gate/check.ts';
export { checkData, warnOfData } from './gate/data.ts';
export { type Decision, type GateInput, judge } from './gate/gate.ts';
export type {
  DataRecord,
  Interval,
  Latency,
  MetricJudgement,
  MetricRule,
  Outcome,
  Rules,
  Shift,
  Slice,
  SliceRecord,
  Tolerance,
} from './gate/record.ts';
export { allowedIn } from './gate/slices.ts';
export { chooseGolden } from './golden.ts';
export { goldenInputs } from './golden-inputs.ts';
export { type FeatureOrder, featureOrderOf } from './input-columns.ts';
export { isTable, openTable } from './tables/open-table.ts';
export { readPredictions } from './predictions-file.ts';
export { scoreHoldout, scoreModel } from './score.ts';
export { checkHoldout } from './check-holdout.ts';
export { referenceStatistics } from './statistics.ts';
export { ofClassOne } from './tasks/binary-metrics.ts';
export { predictedClasses } from './tasks/multiclass-metrics.ts';
export type { Predictions } from './tasks/task.ts';
export { taskNamed } from './tasks/tasks.ts';
export { unknownCategories } from './unknown-categories.ts';
export { decideAgain, parseVerdict, type Verdict, VERDICT_MEDIA_TYPE, verdictBytes } from './verdict.ts';
