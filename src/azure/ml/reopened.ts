import { type MlWorkspace, openMlWorkspace } from './workspace.ts';

/** The same workspace with a new client: it keeps no token of the old one, and ends with this signal or with none. */
export function reopened(
  { settings, credential, environment, mask }: MlWorkspace,
  signal: AbortSignal | undefined,
): MlWorkspace {
  return openMlWorkspace({ settings, credential, environment, mask, ...(signal && { signal }) });
}
