import type { TagPair } from '../versioning/index.ts';
import { git, runGit } from './run-git.ts';

/** The tags here and at `origin` whose names match one of these patterns; `undefined` without an `origin`. */
export async function compareTags(top: string, names: readonly string[]): Promise<TagPair[] | undefined> {
  if ((await runGit(top, ['remote', 'get-url', 'origin'])).code !== 0) return undefined;
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
  // --depth in a complete clone would make it shallow.
  const shallow = (await git(top, ['rev-parse', '--is-shallow-repository'])) === 'true';
  const refspecs = names.map((name) => `refs/tags/${name}:refs/tags/${name}\n`).join('');
  const depth = shallow ? ['--depth=1'] : [];
  await git(top, ['fetch', '--quiet', '--no-tags', ...depth, '--stdin', 'origin'], {
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
