export type { AgentConfig } from './agent-schema.ts';
export { type Config, loadAgentConfig, loadConfig, modelConfig, parseConfig } from './load.ts';
export { nameSchema } from './names.ts';
export { nearest } from './nearest.ts';
export type { ModelConfig } from './schema.ts';
