import * as core from '@actions/core';
import type { TrainingFollower } from '../loop/workspace.ts';
import { harmless } from './log.ts';
import { rememberJob, rememberTraining } from './training-state.ts';

/**
 * Shows a training's lines in a group of the log, in which none is a command. The runner is not told to take no commands
 * meanwhile (`stop-commands`): it would print those of ours that say what to mask, with the secrets in them.
 */
export function followTraining(model: string): TrainingFollower {
  let isJob = false;
  core.startGroup(`training ${model}`);
  return {
    started: rememberTraining,
    submitted(job) {
      isJob = true;
      rememberJob(job);
    },
    line: (line) => void process.stdout.write(`${harmless(line)}\n`),
    end() {
      if (isJob) rememberJob('');
      core.endGroup();
    },
  };
}
