import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { git, runGit } from './run-git.ts';

/**
 * Which of these paths (absolute) hold on the disk exactly the bytes that the checked-out commit stores for them:
 * nothing changed, nothing added, not even what git ignores, nothing converted when it was checked out. False when in
 * doubt. `attributes` is the repository's own file of attributes.
 */
export async function unchangedPaths(
  { top, attributes }: { top: string; attributes: string },
  paths: readonly string[],
): Promise<boolean[]> {
  if (paths.length === 0) return [];
  const [compared, listed, settings] = await Promise.all([
    runGit(top, ['diff-index', '--quiet', 'HEAD', '--', ...paths]),
    git(top, ['ls-files', '--others', '-z', '--', ...paths]),
    git(top, ['config', '--null', '--list']),
  ]);
  const others = listed.split('\0').filter(Boolean);
  const plain = storesBytes(settings) && !converts(attributes);
  return Promise.all(
    paths.map(async (path) => {
      if (!plain || convertsBelow(top, path)) return false;
      const name = relative(top, path).split(sep).join('/');
      if (others.some((other) => name === '' || other === name || other.startsWith(`${name}/`))) return false;
      return compared.code === 0 || (await isUnchanged(top, path));
    }),
  );
}

/** Asked exactly: `diff-index` takes a file that was only touched for a changed one. */
async function isUnchanged(top: string, path: string): Promise<boolean> {
  const args = ['status', '--porcelain=v1', '-z', '--untracked-files=no', '--', path];
  return (await git(top, args)) === '';
}

/** Settings under which files on the disk are not what is stored, or are not all there. */
function storesBytes(settings: string): boolean {
  const values = new Map(
    settings.split('\0').map((entry): [string, string] => {
      const at = entry.indexOf('\n');
      return at < 0 ? [entry, 'true'] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
  const isOff = (name: string) => /^(false|no|off|0|)$/i.test(values.get(name) ?? '');
  if (!isOff('core.autocrlf') || !isOff('core.sparsecheckout')) return false;
  const files = [
    values.get('core.attributesfile')?.replace(/^~\//, `${homedir()}/`) ??
      join(process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'git/attributes'),
    '/etc/gitattributes',
  ];
  return !files.some(converts);
}

/** Attributes of the folders above a path; those below it are part of what is stored there. */
function convertsBelow(top: string, path: string): boolean {
  const files: string[] = [];
  for (let folder = dirname(path); folder.startsWith(top); folder = dirname(folder))
    files.push(join(folder, '.gitattributes'));
  return files.some(converts);
}

/** True when an attributes file (gitattributes(5)) may change bytes on their way between the disk and the store. */
function converts(file: string): boolean {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return false;
  }
  return text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .some((line) => line.split(/\s+/).slice(1).some(isConversion));
}

function isConversion(attribute: string): boolean {
  return /^(text|crlf|ident)(=|$)|^(eol|filter|working-tree-encoding)=/.test(attribute);
}
