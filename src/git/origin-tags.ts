import type { TagPair } from '../versioning/index.ts';
import { git, runGit } from './run-git.ts';

/** The address of the remote `origin`; `undefined` without one. */
export async function originOf(top: string): Promise<string | undefined> {
  const { code, stdout } = await runGit(top, ['remote', 'get-url', 'origin']);
  return code === 0 ? stdout.toString().trim() : undefined;
}

/** Fetches the tags whose names begin with this; those that are here otherwise become what `origin` has. */
export async function fetchTags(top: string, prefix: string): Promise<void> {
  if ((await originOf(top)) === undefined) return;
  // With a depth and nothing to fetch, git fails without a word.
  if ((await git(top, ['ls-remote', 'origin', `refs/tags/${prefix}*`])) === '') return;
  const refspec = `+refs/tags/${prefix}*:refs/tags/${prefix}*`;
  await git(top, ['fetch', ...(await fetchOptions(top)), 'origin', refspec]);
}

/** The tags here and at `origin` whose names match one of these patterns; `undefined` without an `origin`. */
export async function compareTags(top: string, names: readonly string[]): Promise<TagPair[] | undefined> {
  if ((await originOf(top)) === undefined) return undefined;
  const patterns = names.map((name) => `refs/tags/${name}`);
  const [here, there] = await Promise.all([
    git(top, ['for-each-ref', '--format=%(objectname) %(refname)', ...patterns]),
    git(top, ['ls-remote', '--refs', 'origin', ...patterns]),
  ]);
  const [local, remote] = [objectsOf(here), objectsOf(there)];
  return [...new Set([...local.keys(), ...remote.keys()])].map((name) => ({
    name,
    here: local.get(name),
    origin: remote.get(name),
  }));
}

/** Fetches tags that are not here yet, with one question; git refuses to overwrite one that is. */
export async function fetchMissing(top: string, names: readonly string[]): Promise<void> {
  const refspecs = names.map((name) => `refs/tags/${name}:refs/tags/${name}\n`).join('');
  await git(top, ['fetch', ...(await fetchOptions(top)), '--stdin', 'origin'], {
    input: Buffer.from(refspecs),
  });
}

function objectsOf(listed: string): Map<string, string> {
  const lines = listed.split('\n').filter(Boolean);
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const [, object = '', name] = /^([0-9a-f]+)\s+refs\/tags\/(.+)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, object]];
    }),
  );
}

/** With a depth in a shallow clone only: a complete one would become shallow by it. */
async function fetchOptions(top: string): Promise<string[]> {
  const shallow = (await git(top, ['rev-parse', '--is-shallow-repository'])) === 'true';
  return ['--quiet', '--no-tags', ...(shallow ? ['--depth=1'] : [])];
}
