export { type GitHubClient, type GitHubSettings, openGitHub } from './client.ts';
export {
  type NewReleasePage,
  openReleasePages,
  type ReleasePage,
  type ReleasePages,
} from './release-pages.ts';
export { openVersionHistory, type Person, type RecordInClone } from './version-history.ts';
