/** The page of the workflow's run that this is part of; `undefined` outside of one. */
export function runPage(environment: NodeJS.ProcessEnv): string | undefined {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = environment;
  if (!repository || !run) return undefined;
  return `${server || 'https://github.com'}/${repository}/actions/runs/${run}`;
}
