import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

// Makes the release commit of this checkout: HEAD and dist/, on no branch. Pushes it as the tag vX.Y.Z, and moves vX,
// which the `uses:` of most people name. VERSION says which version is meant; it must be that of package.json.

/** As GitHub names its own commits. */
const BOT = 'github-actions[bot]';
const EMAIL = '41898282+github-actions[bot]@users.noreply.github.com';

// Only git hears the token, and only when a server asks.
const CREDENTIALS = `!f() { test "$1" = get && echo username=x-access-token && echo "password=$GITHUB_TOKEN"; }; f`;

function git(...args: string[]): string {
  const settings = [`user.name=${BOT}`, `user.email=${EMAIL}`, 'commit.gpgsign=false', 'tag.gpgsign=false'];
  if (process.env['GITHUB_TOKEN']) settings.push('credential.helper=', `credential.helper=${CREDENTIALS}`);
  const options = settings.flatMap((setting) => ['-c', setting]);
  return execFileSync('git', [...options, ...args], { encoding: 'utf8' }).trim();
}

/** What speaks against publishing this version from here; `undefined` when nothing does. */
function obstacle(version: string, root: string): string | undefined {
  const file = join(root, 'package.json');
  const said = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(file, 'utf8'))).version;
  if (version !== said) return `VERSION is "${version}", but package.json says "${said}"`;
  if (!existsSync(join(root, 'dist/edgeloop.js'))) return 'there is no dist/: run npm run build first';
  if (git('status', '--porcelain') !== '') return 'there are changes that are not committed';
  const tag = `v${version}`;
  if (git('ls-remote', 'origin', `refs/tags/${tag}`) !== '') return `${tag} is published already`;
  return undefined;
}

function publish(version: string): void {
  const [tag, major] = [`v${version}`, `v${version.split('.')[0]}`];
  git('checkout', '--quiet', '--detach');
  git('add', '--force', 'dist');
  git('commit', '--quiet', '--message', `Publish ${version}`);
  git('tag', '--annotate', '--message', `Edgeloop ${version}`, tag);
  // Both or none.
  git('push', '--quiet', '--atomic', 'origin', `refs/tags/${tag}`, `+${tag}^{commit}:refs/tags/${major}`);
  console.log(`${tag} and ${major} are ${git('rev-parse', 'HEAD')}`);
}

const version = process.env['VERSION'] ?? '';
const problem = obstacle(version, process.cwd());
if (problem === undefined) publish(version);
else {
  console.error(`not published: ${problem}`);
  process.exitCode = 1;
}
