import { expect, it } from 'vitest';
import { streamedLogs } from './streamed-logs.ts';

// What `az ml job stream` chooses: azure-ai-ml, `_get_sorted_filtered_logs` with the patterns of `JobLogPattern`.
it.each([
  ['Command', ['user_logs/std_log.txt', 'system_logs/lifecycler/lifecycler.log'], ['user_logs/std_log.txt']],
  [
    'Command',
    ['user_logs/std_log_process_1.txt', 'user_logs/std_log_process_0.txt'],
    ['user_logs/std_log_process_0.txt'],
  ],
  [
    'Command',
    ['user_logs/std_log_process_00.txt', 'user_logs/std_log_process_10.txt'],
    ['user_logs/std_log_process_00.txt'],
  ],
  ['Command', ['user_logs/std_log_0_ps.txt', 'user_logs/notes.txt'], ['user_logs/std_log_0_ps.txt']],
  [
    'Command',
    ['azureml-logs/70_driver_log.txt', 'azureml-logs/55_azureml-execution.txt', 'logs/azureml/job.log'],
    ['azureml-logs/55_azureml-execution.txt', 'azureml-logs/70_driver_log.txt'],
  ],
  [
    'Pipeline',
    ['logs/azureml/executionlogs.txt', 'logs/azureml/stderrlogs.txt'],
    ['logs/azureml/executionlogs.txt'],
  ],
  ['Sweep', ['azureml-logs/hyperdrive.txt'], ['azureml-logs/hyperdrive.txt']],
  ['AutoML', ['azureml-logs/hyperdrive.txt'], []],
])('of a job of the type %s with %j it streams %j', (type, paths, streamed) => {
  expect(streamedLogs(paths, type)).toEqual(streamed);
});
