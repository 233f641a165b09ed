import type { ActionContext } from './run-action.ts';
export async function prepareOnnxRuntime(_context: ActionContext): Promise<void> {}
