import { figure } from '../evaluation/index.ts';
import type { FileChanges } from '../loop/changes.ts';
import type { ReadDiff } from '../loop/compare-releases.ts';
import type { Lineage } from '../loop/lineage.ts';
import type { FilesDiff, ReleaseDiff } from '../loop/release-diff.ts';
import { byteCount } from '../byte-count.ts';
import { table } from './table.ts';
import { wrap } from './wrap.ts';

/** So many files of each kind are named to people. */
const NAMED = 10;
const WIDTH = 80;

/** What differs between two releases as JSON. */
export function diffFacts({ from, to, diff }: ReadDiff) {
  return {
    from: sideFacts(from),
    to: sideFacts(to),
    ...diff,
    unreadable: [...from.unreadable, ...to.unreadable],
  };
}

function sideFacts({ release: { version, date, lock, tag, commit } }: Lineage) {
  return { model: lock.model, version, date, digest: lock.modelManifest, tag, commit };
}

/** The same for people: what differs, and in one line what does not. */
export function diffPage({ from, to, diff }: ReadDiff): string {
  const versions = [from.release.version, to.release.version] as const;
  const [one, other] = [from.release.lock.model, to.release.lock.model];
  const sections: [string, string[]][] = [
    ['model signature', diff.modelSignature.flatMap(({ level, reason }) => text(`${level}: ${reason}`))],
    [
      'requirements',
      diff.requirements.flatMap(({ name, from: was, to: is }) => text(`${name}: ${was} became ${is}`)),
    ],
    ['data', filesLines(diff.data)],
    ['code', filesLines(diff.code)],
    ['command', pairLines(diff.command)],
    [
      'params',
      diff.params.flatMap(({ name, from: was, to: is }) =>
        text(`${name}: ${was ?? 'absent'} became ${is ?? 'absent'}`),
      ),
    ],
    ['environment', pairLines(diff.environment)],
    ['image base', pairLines(diff.base)],
    ['size', sizeLines(diff)],
    ['metrics', metricLines(diff, versions)],
  ];
  const unchanged = sections.filter(([name, lines]) => lines.length === 0 && !diff.unknown.includes(name));
  const unread = [...from.unreadable, ...to.unreadable];
  return [
    `${one} ${versions[0]} to ${one === other ? '' : `${other} `}${versions[1]}`,
    ...sections.flatMap(([name, lines]) => (lines.length === 0 ? [] : [name].concat(lines))),
    ...note(
      'the same',
      unchanged.map(([name]) => name),
    ),
    ...note('not known of one of the two', diff.unknown),
    ...unread.flatMap(({ what, code, message }) => wrap(`unread ${what}: ${message} [${code}]`, WIDTH)),
  ].join('\n');
}

function text(line: string): string[] {
  return wrap(line, WIDTH - 2).map((part) => `  ${part}`);
}

function note(words: string, parts: readonly string[]): string[] {
  return parts.length === 0 ? [] : wrap(`${words}: ${parts.join(', ')}`, WIDTH);
}

function pairLines(pair: { from: string; to: string } | null): string[] {
  return pair === null ? [] : [...text(`- ${pair.from}`), ...text(`+ ${pair.to}`)];
}

function filesLines(diff: FilesDiff | null): string[] {
  if (diff === null) return [];
  if (diff.files === null) return [...pairLines(diff), '  which files, is not known'];
  return [...text(inWords(diff.files)), ...names(diff.files)];
}

function inWords(files: FileChanges): string {
  const parts = (['added', 'removed', 'modified'] as const).map((kind) => {
    const { files: count, bytes } = files[kind];
    return count === 0 ? `none ${kind}` : `${count} ${kind} (${byteCount(bytes)})`;
  });
  return `files: ${parts.join(', ')}`;
}

function names(files: FileChanges): string[] {
  return (['added', 'removed', 'modified'] as const).flatMap((kind) => {
    const { files: count, paths } = files[kind];
    const sign = { added: '+', removed: '-', modified: '~' }[kind];
    const shown = paths.slice(0, NAMED).map((path) => `  ${sign} ${path}`);
    return count > shown.length ? shown.concat(`  ${sign} and ${count - shown.length} more`) : shown;
  });
}

function sizeLines({ size }: ReleaseDiff): string[] {
  if (size === null) return [];
  const sign = size.difference > 0 ? '+' : '-';
  return [
    `  ${byteCount(size.from)} became ${byteCount(size.to)} (${sign}${byteCount(Math.abs(size.difference))})`,
  ];
}

function figureOrNone(value: number | null): string {
  return value === null ? '–' : figure(value);
}

function metricLines({ metrics, sameHoldout }: ReleaseDiff, versions: readonly [string, string]): string[] {
  if (metrics.length === 0) return [];
  const rows = metrics.map(({ name, from, to, difference }) => {
    const sign = difference !== null && difference > 0 ? '+' : '';
    return [name, figureOrNone(from), figureOrNone(to), `${sign}${figureOrNone(difference)}`];
  });
  const lines = table([['', ...versions, 'difference'], ...rows]);
  return sameHoldout === false
    ? [...lines, ...text('Each was judged on another holdout: the figures are not of the same rows.')]
    : lines;
}
