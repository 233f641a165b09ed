import type { BareRepository } from './bare-repository.ts';
import { nodeId, NOT_FOUND, type Routes } from './routes.ts';
import { pageOf } from './shown.ts';

/** What lies between two commits. */
export const compareRoutes: Routes = {
  'GET /repos/{owner}/{repo}/compare/{basehead}': async ({ repository, api, parameters, query }) => {
    const range = parameters['basehead'] ?? '';
    const [base, head] = await Promise.all(range.split('...').map((name) => find(repository, name)));
    if (base === undefined || head === undefined) return NOT_FOUND;
    const list = async (from: string, to: string) =>
      (await repository.ask(['rev-list', '--reverse', `${from}..${to}`])).split('\n').filter(Boolean);
    // The oldest first, other than git.
    const [ahead, behind] = [await list(base, head), await list(head, base)];
    const common = await repository.ask(['merge-base', base, head]);
    const [from, meeting, ...commits] = await show(repository, api, [base, common, ...pageOf(ahead, query)]);
    return {
      status: 200,
      body: {
        url: `${api}/compare/${range}`,
        html_url: `${api}/compare/${range}`,
        permalink_url: `${api}/compare/${range}`,
        diff_url: `${api}/compare/${range}.diff`,
        patch_url: `${api}/compare/${range}.patch`,
        base_commit: from,
        merge_base_commit: meeting,
        status: statusOf(ahead.length, behind.length),
        ahead_by: ahead.length,
        behind_by: behind.length,
        total_commits: ahead.length,
        commits,
        files: [],
      },
    };
  },
};

function statusOf(ahead: number, behind: number): string {
  if (ahead > 0) return behind > 0 ? 'diverged' : 'ahead';
  return behind > 0 ? 'behind' : 'identical';
}

async function find({ run }: BareRepository, name: string): Promise<string | undefined> {
  const { code, stdout } = await run(['rev-parse', '--verify', '--quiet', `${name}^{commit}`]);
  return code === 0 ? stdout.toString().trim() : undefined;
}

/** Commits as they are listed, all of them read by one process. */
async function show({ ask }: BareRepository, api: string, all: readonly string[]): Promise<object[]> {
  const format = '--format=%H%n%T%n%P%n%an%n%ae%n%aI%n%B';
  const listed = await ask(['log', '--no-walk=unsorted', '-z', format, ...all]);
  const read = new Map(listed.split('\0').map((text) => [text.split('\n', 1)[0] ?? '', text]));
  return all.map((sha) => shown(api, read.get(sha) ?? ''));
}

function shown(api: string, text: string): object {
  const [sha = '', tree = '', parents = '', name = '', email = '', date = '', ...message] = text.split('\n');
  const url = `${api}/commits/${sha}`;
  return {
    url,
    sha,
    node_id: nodeId(sha),
    html_url: url,
    comments_url: `${url}/comments`,
    commit: {
      url,
      author: { name, email, date },
      committer: { name, email, date },
      message: message.join('\n').trimEnd(),
      comment_count: 0,
      tree: { sha: tree, url: `${api}/git/trees/${tree}` },
    },
    author: null,
    committer: null,
    parents: parents
      .split(' ')
      .filter(Boolean)
      .map((parent) => ({ sha: parent, url: `${api}/commits/${parent}` })),
  };
}
