import * as core from '@actions/core';
import { messageOf } from '../errors.ts';
import type { Log } from '../loop/workspace.ts';

/** Sets all outputs of an action; what is `undefined` is set to an empty text. */
export function setOutputs(outputs: Record<string, string | number | boolean | undefined>): void {
  for (const [name, value] of Object.entries(outputs)) core.setOutput(name, value ?? '');
}

/** Adds Markdown to the summary of the run; one that cannot be written is a warning. */
export async function summarize(markdown: string, log: Log): Promise<void> {
  try {
    await core.summary.addRaw(markdown, true).write();
  } catch (error) {
    log('warn', `the job summary could not be written: ${messageOf(error)}`);
  }
}
