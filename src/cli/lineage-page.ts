import { figure, type Verdict } from '../evaluation/index.ts';
import type { Lineage, ListedFiles, NamingMove } from '../loop/lineage.ts';
import type { Card } from '../onnx/index.ts';
import { type Device, deviceLine } from './ask-devices.ts';
import { byteCount } from '../byte-count.ts';
import { fileCount } from '../file-count.ts';
import { labelled, table } from './table.ts';
import { wrap } from './wrap.ts';

/** What stands beside a label. */
const WIDTH = 71;
/** So many files of a list are in the JSON. */
const LISTED = 100;

/** A release's lineage as JSON. */
export function lineageFacts(lineage: Lineage, repository: string) {
  const { release, card, verdict, report, championVersion, unreadable } = lineage;
  const { version, date, tag, commit, lock } = release;
  const { training } = card ?? {};
  return {
    model: lock.model,
    version,
    date,
    bump: lock.bump,
    reasons: lock.reasons,
    metric: lock.metric ?? null,
    deprecated: lineage.deprecations.length > 0,
    deprecations: lineage.deprecations.map(({ why, by, date: when }) => ({ why, by, date: when })),
    tag,
    commit,
    releasedCommit: lineage.releasedCommit ?? null,
    trainedCommit: lock.trainedCommit,
    image: { ref: `${repository}:${version}`, digest: lock.image, base: lock.base ?? null },
    modelManifest: { ref: `${repository}:${version}-model`, digest: lock.modelManifest },
    inputKey: lock.inputKey,
    champion: lock.champion === null ? null : { version: championVersion ?? null, digest: lock.champion },
    verdict: { digest: lock.verdict, ...verdict },
    report: report ?? null,
    dataset: { ...filesFacts(lineage.data, repository, lock.dataset), holdout: verdict?.holdout ?? null },
    code: filesFacts(lineage.code, repository, training?.inputs.code),
    command: training?.inputs.command ?? null,
    params: training?.inputs.params ?? null,
    environment: training?.inputs.environment ?? null,
    job: training?.job ?? null,
    trainingLog: lineage.trainingLog ?? null,
    modelSignature: card?.modelSignature ?? null,
    requirements: card?.requirements ?? null,
    channels: lineage.channels,
    unreadable,
  };
}

function filesFacts(listed: ListedFiles | undefined, repository: string, digest: string | undefined) {
  if (digest === undefined || listed === undefined)
    return { digest: digest ?? null, files: null, bytes: null, manifest: null, list: null, first: [] };
  return {
    digest,
    files: listed.files.length,
    bytes: bytesOf(listed),
    /** The referrer that holds the list. */
    manifest: listed.referrer,
    /** Prints the list: a line of JSON per file. */
    list: listCommand(repository, digest),
    first: listed.files.slice(0, LISTED),
  };
}

/** The list is the blob of the dataset's own digest. */
function listCommand(repository: string, digest: string): string {
  const [, folder] = /^oci:(.*)$/.exec(repository) ?? [];
  return folder === undefined
    ? `oras blob fetch --output - ${repository}@${digest}`
    : `cat ${quoted(`${folder}/blobs/${digest.replace(':', '/')}`)}`;
}

/** As a shell reads it. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function clauses(text: string): string[] {
  return wrap(text, WIDTH);
}

/** The same for people. */
export function lineagePage(lineage: Lineage, repository: string, devices: readonly Device[]): string {
  const { release, card, deprecations, unreadable } = lineage;
  const { version, date, tag, commit, lock } = release;
  const { training } = card ?? {};
  const facts: [string, string[]][] = [
    ['why', lock.reasons.flatMap(clauses)],
    [
      'warning',
      deprecations.flatMap(({ why, by, date: when }) =>
        clauses(`deprecated by ${by ?? 'somebody'} on ${day(when)}: ${why}`),
      ),
    ],
    ['git', [tag, `commit ${commit}`]],
    ['released', [`on commit ${lineage.releasedCommit ?? '(not in this clone)'}`]],
    ['trained', [`on commit ${lock.trainedCommit ?? '(none: not in a git repository)'}`]],
    ['model', [lock.modelManifest]],
    [
      'image',
      [
        lock.image,
        `${lock.base === undefined ? 'without a base: it holds the model and does not run' : `on ${lock.base}`}`,
      ],
    ],
    [
      'champion',
      lock.champion === null
        ? ['none: the first release']
        : [lineage.championVersion ?? 'a version that git does not know', lock.champion],
    ],
    ['verdict', [lock.verdict, ...verdictLines(lineage.verdict)]],
    ['report', lineage.report === undefined ? [] : [lineage.report]],
    ['data', filesLines(lineage.data, repository, lock.dataset)],
    [
      'holdout',
      lineage.verdict === undefined ? [] : [lineage.verdict.holdout, `${lineage.verdict.rows} rows`],
    ],
    ['code', filesLines(lineage.code, repository, training?.inputs.code)],
    ...trainingFacts(training),
    ['log', lineage.trainingLog === undefined ? [] : [lineage.trainingLog]],
    ['channels', channelLines(lineage.channels)],
    [
      'devices',
      devices.map(
        (device) => `${device.url}: ${deviceLine(device, { model: lock.model, digest: lock.modelManifest })}`,
      ),
    ],
    ['unread', unreadLines(unreadable)],
  ];
  return [`${lock.model} ${version}, released ${day(date)} (${lock.bump})`, ...labelled(facts)].join('\n');
}

function trainingFacts(training: Card['training']): [string, string[]][] {
  if (training === undefined) return [['trained', ['elsewhere: the card names no training']]];
  const { inputs, job, inputKey } = training;
  const params = Object.entries(inputs.params).map(([name, value]) => `${name} = ${value}`);
  return [
    ['command', wrap(inputs.command, WIDTH)],
    ['params', wrap(params.join(', ') || 'none', WIDTH)],
    ['environment', [inputs.environment]],
    ['input key', [inputKey]],
    ['job', [`${job.name} (${job.target})`]],
  ];
}

function verdictLines(verdict: Verdict | undefined): string[] {
  if (verdict === undefined) return [];
  const ruled = Object.keys(verdict.rules.metrics);
  const rows = Object.entries(verdict.metrics)
    .filter(([name]) => ruled.includes(name))
    .map(([name, { candidate, champion }]) => [
      name,
      shown(candidate),
      champion === null ? '' : `against ${shown(champion)}`,
    ]);
  const said = [...verdict.reasons, ...verdict.warnings.map((warning) => `warning: ${warning}`)];
  return [
    { first: 'passed as the first release', pass: 'passed', fail: 'refused' }[verdict.outcome],
    ...table(rows),
    ...said.flatMap((reason) => wrap(`- ${reason}`, WIDTH)),
  ];
}

function shown(value: number | null): string {
  return value === null ? 'not measured' : figure(value);
}

function filesLines(
  listed: ListedFiles | undefined,
  repository: string,
  digest: string | undefined,
): string[] {
  if (digest === undefined) return [];
  if (listed === undefined) return [digest, 'the list of its files could not be read'];
  const count = listed.files.length;
  return [
    digest,
    `${fileCount(count)}, ${byteCount(bytesOf(listed))}; listed in the referrer`,
    listed.referrer,
    `to list them: ${listCommand(repository, digest)}`,
  ];
}

/** One damaged file can hide several parts: it is told once. */
function unreadLines(unreadable: Lineage['unreadable']): string[] {
  return [...Map.groupBy(unreadable, ({ code, message }) => `${message} [${code}]`)].flatMap(([why, parts]) =>
    clauses(`${parts.map(({ what }) => what).join(', ')}: ${why}`),
  );
}

function bytesOf({ files }: ListedFiles): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

function channelLines(channels: readonly NamingMove[]): string[] {
  if (channels.length === 0) return ['none has named it'];
  return channels.map(({ channel, sequence, date, now }) =>
    now
      ? `${channel} names it (document ${sequence}, since ${day(date)})`
      : `${channel} named it (document ${sequence}, ${day(date)})`,
  );
}

function day(date: string): string {
  return `${new Date(date).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
