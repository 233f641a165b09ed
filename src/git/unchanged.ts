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
  const conversion = conversionBy(settings);
  if (conversion === 'partial') return paths.map(() => false);
  return Promise.all(
    paths.map(async (path) => {
      const name = relative(top, path).split(sep).join('/');
      if (others.some((other) => name === '' || other === name || other.startsWith(`${name}/`))) return false;
      if (compared.code !== 0 && !(await isUnchanged(top, path))) return false;
      const doubtful =
        conversion === 'possible' || [attributes, ...attributesAbove(top, path)].some(converts);
      return !doubtful || (await storesBytes(top, path, conversion === 'possible'));
    }),
  );
}

/** Asked exactly: `diff-index` takes a file that was only touched for a changed one. */
async function isUnchanged(top: string, path: string): Promise<boolean> {
  const args = ['status', '--porcelain=v1', '-z', '--untracked-files=no', '--', path];
  return (await git(top, args)) === '';
}

/** What the settings do to files on their way to the disk; `partial`: not all of them are there. */
function conversionBy(settings: string): 'none' | 'possible' | 'partial' {
  const values = new Map(
    settings.split('\0').map((entry): [string, string] => {
      const at = entry.indexOf('\n');
      return at < 0 ? [entry, 'true'] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
  const isOff = (name: string) => /^(false|no|off|0|)$/i.test(values.get(name) ?? '');
  if (!isOff('core.sparsecheckout')) return 'partial';
  const files = [
    values.get('core.attributesfile')?.replace(/^~\//, `${homedir()}/`) ??
      join(process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'git/attributes'),
    '/etc/gitattributes',
  ];
  return isOff('core.autocrlf') && !files.some(converts) ? 'none' : 'possible';
}

/** Attributes of the folders above a path; those below it are part of what is stored there. */
function attributesAbove(top: string, path: string): string[] {
  const files: string[] = [];
  for (let folder = dirname(path); folder.startsWith(top); folder = dirname(folder))
    files.push(join(folder, '.gitattributes'));
  return files;
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

/** `text` first: a file that is none is not touched by `crlf` and `eol`. */
const ATTRIBUTES = ['text', 'crlf', 'eol', 'ident', 'filter', 'working-tree-encoding'];

/**
 * Asks git for the attributes of every file: true when none is converted. `everyText`: settings convert what no
 * attribute speaks of.
 */
async function storesBytes(top: string, path: string, everyText: boolean): Promise<boolean> {
  const names = await git(top, ['ls-files', '-z', '--', path]);
  const input = Buffer.from(names);
  const listed = await git(top, ['check-attr', '-z', '--stdin', ...ATTRIBUTES], { input });
  const fields = listed.split('\0');
  let isText = true;
  // Triples of path, attribute and value.
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [attribute = '', value = ''] = [fields[at + 1], fields[at + 2]];
    const isSet = value !== 'unset' && value !== 'unspecified';
    if (attribute === 'text') isText = value !== 'unset';
    const converted = attribute === 'text' && everyText ? isText : isSet;
    const matters = isText || !['crlf', 'eol'].includes(attribute);
    if (converted && matters) return false;
  }
  return true;
}
