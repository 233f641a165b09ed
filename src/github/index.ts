export { type GitHubClient, type GitHubSettings, openGitHub } from './client.ts';
export {
  type NewReleasePage,
  openReleasePages,
  type ReleasePage,
  type ReleasePages,
} from './release-pages.ts';
export { openVersionHistory, type Person } from './version-history.ts';
