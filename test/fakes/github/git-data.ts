import { z } from 'zod';
import type { BareRepository } from './bare-repository.ts';
import { type Answer, type Asked, invalid, nodeId, NOT_FOUND, type Routes } from './routes.ts';

const GIT = '/repos/{owner}/{repo}/git';

const personSchema = z.object({ name: z.string(), email: z.string(), date: z.string().optional() });
const tagSchema = z.object({
  tag: z.string(),
  message: z.string(),
  object: z.string(),
  type: z.string(),
  tagger: personSchema,
});
const commitSchema = z.object({
  message: z.string(),
  tree: z.string(),
  parents: z.array(z.string()).default([]),
  author: personSchema,
  committer: personSchema.optional(),
});
const treeSchema = z.object({
  base_tree: z.string().optional(),
  tree: z.array(
    z.object({
      path: z.string(),
      mode: z.string(),
      sha: z.string().optional(),
      content: z.string().optional(),
    }),
  ),
});

/** GitHub's "Git database" endpoints, each on the bare repository itself. */
export const gitDataRoutes: Routes = {
  [`GET ${GIT}/matching-refs/{ref}`]: async (asked) => ({
    status: 200,
    body: await refs(asked, (ref) => ref.startsWith(`refs/${asked.parameters['ref']}`)),
  }),

  [`GET ${GIT}/ref/{ref}`]: async (asked) => {
    const [body] = await refs(asked, (ref) => ref === `refs/${asked.parameters['ref']}`);
    return body === undefined ? NOT_FOUND : { status: 200, body };
  },

  [`POST ${GIT}/refs`]: async (asked) => {
    const { ref, sha } = z.object({ ref: z.string(), sha: z.string() }).parse(asked.body);
    const { repository } = asked;
    if ((await repository.run(['check-ref-format', ref])).code !== 0)
      return invalid('Reference name is invalid');
    if ((await repository.typeOf(sha)) === undefined) return invalid('Object does not exist');
    if (await hasForeignWorkflows(repository, sha)) return WORKFLOWS_REFUSED;
    // An empty old value: git makes the reference only when there is none.
    const { code } = await repository.run(['update-ref', ref, sha, '0'.repeat(40)]);
    if (code !== 0) return invalid('Reference already exists');
    return { status: 201, body: (await refs(asked, (name) => name === ref))[0] };
  },

  [`GET ${GIT}/tags/{tag_sha}`]: (asked) => showTag(asked, asked.parameters['tag_sha'] ?? '', 200),

  [`POST ${GIT}/tags`]: async (asked) => {
    const { tag, message, object, type, tagger } = tagSchema.parse(asked.body);
    if ((await asked.repository.typeOf(object)) !== type) return invalid('Object does not exist');
    const text = `object ${object}\ntype ${type}\ntag ${tag}\ntagger ${signed(tagger)}\n\n${message}`;
    return showTag(asked, await asked.repository.ask(['mktag'], text), 201);
  },

  [`POST ${GIT}/blobs`]: async ({ repository, api, body }) => {
    const { content, encoding } = z
      .object({ content: z.string(), encoding: z.enum(['utf-8', 'base64']).default('utf-8') })
      .parse(body);
    const bytes = Buffer.from(content, encoding === 'base64' ? 'base64' : 'utf8');
    const sha = await repository.ask(['hash-object', '-w', '--stdin'], bytes);
    return { status: 201, body: { sha, url: `${api}/git/blobs/${sha}` } };
  },

  [`POST ${GIT}/trees`]: makeTree,

  [`GET ${GIT}/commits/{commit_sha}`]: (asked) =>
    showCommit(asked, asked.parameters['commit_sha'] ?? '', 200),

  [`POST ${GIT}/commits`]: async (asked) => {
    const { message, tree, parents, author, committer = author } = commitSchema.parse(asked.body);
    const { repository } = asked;
    if ((await repository.typeOf(tree)) !== 'tree') return invalid('Tree SHA does not exist');
    for (const parent of parents) {
      if ((await repository.typeOf(parent)) !== 'commit')
        return invalid('Parent SHA does not exist or is not a commit object');
    }
    const text = [
      `tree ${tree}`,
      ...parents.map((parent) => `parent ${parent}`),
      `author ${signed(author)}`,
      `committer ${signed(committer)}`,
    ];
    const made = ['hash-object', '-t', 'commit', '-w', '--stdin'];
    return showCommit(asked, await repository.ask(made, `${text.join('\n')}\n\n${message}`), 201);
  },

  'GET /repos/{owner}/{repo}/contents/{path}': showFile,
};

/** What GitHub answers an app without the permission "workflows", which no workflow's token can have. */
const WORKFLOWS_REFUSED: Answer = {
  status: 403,
  body: { message: 'Resource not accessible by integration', status: '403' },
  headers: { 'x-accepted-github-permissions': 'contents=write; contents=write,workflows=write' },
};

/** Whether a commit has workflows that differ from those at the tip of every branch. */
async function hasForeignWorkflows(repository: BareRepository, sha: string): Promise<boolean> {
  const workflowsOf = async (commit: string) =>
    (
      await repository.run(['rev-parse', '--verify', '--quiet', `${commit}^{commit}:.github/workflows`])
    ).stdout
      .toString()
      .trim();
  const own = await workflowsOf(sha);
  if (own === '') return false;
  const branches = await repository.ask(['for-each-ref', '--format=%(refname)', 'refs/heads']);
  const theirs = await Promise.all(branches.split('\n').map(workflowsOf));
  return !theirs.includes(own);
}

async function refs({ repository, api }: Asked, matches: (ref: string) => boolean): Promise<object[]> {
  const format = '--format=%(refname) %(objecttype) %(objectname)';
  const listed = await repository.ask(['for-each-ref', format]);
  return listed
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([ref = '']) => matches(ref))
    .map(([ref = '', type = '', sha = '']) => ({
      ref,
      node_id: nodeId(ref),
      url: `${api}/git/${encodeURI(ref)}`,
      object: { type, sha, url: `${api}/git/${type}s/${sha}` },
    }));
}

async function showTag({ repository, api }: Asked, sha: string, status: number): Promise<Answer> {
  if ((await repository.typeOf(sha)) !== 'tag') return NOT_FOUND;
  const { headers, message } = parseObject(await repository.ask(['cat-file', 'tag', sha]));
  const [object = '', type = ''] = [headers.get('object'), headers.get('type')];
  const url = `${api}/git/tags/${sha}`;
  return {
    status,
    body: {
      node_id: nodeId(sha),
      sha,
      url,
      tag: headers.get('tag'),
      message,
      tagger: personIn(headers.get('tagger')),
      object: { type, sha: object, url: `${api}/git/${type}s/${object}` },
      verification: UNVERIFIED,
    },
  };
}

async function showCommit({ repository, api }: Asked, sha: string, status: number): Promise<Answer> {
  if ((await repository.typeOf(sha)) !== 'commit') return NOT_FOUND;
  const text = await repository.ask(['cat-file', 'commit', sha]);
  const { headers, message } = parseObject(text);
  const link = (kind: string, of: string, more: object = {}) => ({
    sha: of,
    url: `${api}/git/${kind}/${of}`,
    ...more,
  });
  const parents = [...text.matchAll(/^parent ([0-9a-f]+)$/gm)].map(([, parent = '']) => parent);
  return {
    status,
    body: {
      ...link('commits', sha),
      node_id: nodeId(sha),
      html_url: `${api}/commit/${sha}`,
      author: personIn(headers.get('author')),
      committer: personIn(headers.get('committer')),
      message,
      tree: link('trees', headers.get('tree') ?? ''),
      parents: parents.map((parent) => link('commits', parent, { html_url: `${api}/commit/${parent}` })),
      verification: UNVERIFIED,
    },
  };
}

async function makeTree({ repository, api, body }: Asked): Promise<Answer> {
  const { base_tree, tree } = treeSchema.parse(body);
  if (base_tree !== undefined && (await repository.typeOf(base_tree)) !== 'tree')
    return invalid('base_tree is not a valid tree oid');
  for (const { sha } of tree) {
    if (sha !== undefined && (await repository.typeOf(sha)) === undefined)
      return invalid(`tree.sha ${sha} is not a valid blob`);
  }
  const sha = await repository.withIndex(async (environment) => {
    if (base_tree !== undefined) await repository.ask(['read-tree', base_tree], '', environment);
    for (const entry of tree) {
      const blob = entry.sha ?? (await repository.ask(['hash-object', '-w', '--stdin'], entry.content ?? ''));
      const info = `${entry.mode},${blob},${entry.path}`;
      await repository.ask(['update-index', '--add', '--cacheinfo', info], '', environment);
    }
    return repository.ask(['write-tree'], '', environment);
  });
  return {
    status: 201,
    body: { sha, url: `${api}/git/trees/${sha}`, ...(await entriesOf(repository, sha)) },
  };
}

async function entriesOf(repository: BareRepository, tree: string) {
  const listed = await repository.ask(['ls-tree', tree]);
  const entries = listed.split('\n').map((line) => {
    const [info = '', path = ''] = line.split('\t');
    const [mode = '', type = '', sha = ''] = info.split(' ');
    return { path, mode, type, sha };
  });
  return { tree: entries, truncated: false };
}

/** A file; folders, links and submodules have answers of their own, which nobody has asked for yet. */
async function showFile({ repository, api, parameters, query }: Asked): Promise<Answer> {
  const [path = '', ref] = [parameters['path'], query.get('ref') ?? 'HEAD'];
  const { code, stdout } = await repository.run(['rev-parse', '--verify', '--quiet', `${ref}:${path}`]);
  const sha = stdout.toString().trim();
  if (code !== 0 || (await repository.typeOf(sha)) !== 'blob') return NOT_FOUND;
  const { stdout: bytes } = await repository.run(['cat-file', 'blob', sha]);
  const url = `${api}/contents/${encodeURI(path)}?ref=${encodeURIComponent(ref)}`;
  const git_url = `${api}/git/blobs/${sha}`;
  return {
    status: 200,
    body: {
      type: 'file',
      name: path.split('/').at(-1),
      path,
      sha,
      size: bytes.length,
      url,
      git_url,
      html_url: null,
      download_url: null,
      _links: { self: url, git: git_url, html: null },
      encoding: 'base64',
      // In lines, as GitHub sends it.
      content: bytes.toString('base64').replaceAll(/.{60}/g, '$&\n'),
    },
  };
}

const UNVERIFIED = { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null };

function signed({ name, email, date }: z.infer<typeof personSchema>): string {
  const at = date === undefined ? Date.now() : Date.parse(date);
  return `${name} <${email}> ${Math.floor(at / 1000)} +0000`;
}

function personIn(line = ''): { name: string; email: string; date: string } {
  const [, name = '', email = '', at = '0'] = /^(.*) <(.*)> (\d+) [+-]\d{4}$/.exec(line) ?? [];
  return { name, email, date: new Date(Number(at) * 1000).toISOString().replace('.000', '') };
}

function parseObject(text: string): { headers: Map<string, string>; message: string } {
  const end = text.indexOf('\n\n');
  const lines = text.slice(0, end).split('\n');
  const headers = lines.map((line): [string, string] => {
    const space = line.indexOf(' ');
    return [line.slice(0, space), line.slice(space + 1)];
  });
  return { headers: new Map(headers), message: text.slice(end + 2) };
}
