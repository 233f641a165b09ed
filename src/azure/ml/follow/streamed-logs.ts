/** The patterns of azure-ai-ml (`JobLogPattern`), by which `az ml job stream` chooses: of several processes the first. */
const STREAMED = /^user_logs\/std_log\D*0*(?:_ps)?\.txt$/;
/** What older runtimes have, by the type of the job. */
const OLDER: Record<string, RegExp> = {
  Command: /^azureml-logs\/\d{2}.+\.txt$/,
  Pipeline: /^logs\/azureml\/executionlogs\.txt$/,
  Sweep: /^azureml-logs\/hyperdrive\.txt$/,
};

/** The paths of those logs of a job of this type that are streamed, in the order in which they are told. */
export function streamedLogs(paths: readonly string[], type: string): string[] {
  const sorted = paths.toSorted();
  const streamed = sorted.filter((path) => STREAMED.test(path));
  return streamed.length > 0 ? streamed : sorted.filter((path) => OLDER[type]?.test(path) === true);
}
