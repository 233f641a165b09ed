import { randomUUID } from 'node:crypto';
import * as core from '@actions/core';
import type { TrainingFollower } from '../loop/workspace.ts';
import { rememberJob, rememberTraining } from './training-state.ts';

/**
 * Shows a training's lines in a group of the log. Meanwhile the runner takes no commands (GitHub, "Stopping and
 * starting workflow commands"): whatever a training prints is text.
 */
export function followTraining(model: string): TrainingFollower {
  const token = randomUUID();
  let isJob = false;
  core.startGroup(`training ${model}`);
  process.stdout.write(`::stop-commands::${token}\n`);
  return {
    started: rememberTraining,
    submitted(job) {
      isJob = true;
      rememberJob(job);
    },
    line: (line) => void process.stdout.write(`${line}\n`),
    end() {
      if (isJob) rememberJob('');
      process.stdout.write(`::${token}::\n`);
      core.endGroup();
    },
  };
}
