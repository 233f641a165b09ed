export { addCheckRun } from './check-runs.ts';
export { type GitHubClient, type GitHubSettings, openGitHub } from './client.ts';
export { putReportComment } from './comments.ts';
export { createDeployment, setDeploymentStatus } from './deployments.ts';
export { type OidcSubject, readOidcSubject, readSomeTag } from './oidc-subject.ts';
export { mergedPullRequests } from './pull-requests.ts';
export {
  type NewReleasePage,
  openReleasePages,
  type ReleasePage,
  type ReleasePages,
} from './release-pages.ts';
export { openVersionHistory, type Person, type RecordInClone } from './version-history.ts';
