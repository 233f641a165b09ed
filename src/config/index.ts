export type { AgentConfig } from './agent-schema.ts';
export { type Config, loadAgentConfig, loadConfig, modelConfig, parseConfig } from './load.ts';
export { nameSchema } from './names.ts';
export { nearest } from './nearest.ts';
export type { AzureConfig, ModelConfig } from './schema.ts';
export { type ProjectAnswers, projectSkeleton, quoted, SCHEMA_ADDRESS } from './skeleton.ts';
export { isTaskName, type MetricOf, TASK_METRICS, TASK_NAMES, type TaskName } from './tasks.ts';
export { placeOfSetting, validateYaml } from './yaml-file.ts';
