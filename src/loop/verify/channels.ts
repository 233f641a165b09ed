import { channelDocumentTag, channelSequences, readChannel, readKept } from '../../rollout/index.ts';
import type { ChannelDocument } from '../../trust/index.ts';
import { channelTag, parseModelTag, readTrailers, versionTag } from '../../versioning/index.ts';
import { type ChannelMove, listMoves } from '../releases.ts';
import { createTagOf, namesItself, writeDocumentOf } from './channel-repair.ts';
import type { CheckingAll } from './finding.ts';

/** All that git and the registry have of one channel. */
export interface ChannelHistory {
  channel: string;
  /** What it names now. */
  current: ChannelDocument | undefined;
  documents: ReadonlyMap<number, ChannelDocument>;
  moves: ReadonlyMap<number, ChannelMove>;
}

/** Each channel that the configuration, git or the registry has: its documents, its git tags and the releases meant. */
export async function checkChannels(checking: CheckingAll): Promise<void> {
  const { repository, attempt } = checking;
  const tags = (await attempt(repository.name, () => repository.tags())) ?? [];
  for (const channel of (await attempt('git tags', () => channelsOf(checking, tags))) ?? []) {
    const subject = `channel ${channel}`;
    const history = await attempt(subject, () => readHistory(checking, channel, tags));
    if (history !== undefined) await attempt(subject, async () => checkChannel(checking, history));
  }
}

async function channelsOf({ workspace, model }: CheckingAll, tags: readonly string[]): Promise<Set<string>> {
  const begin = channelDocumentTag('');
  const inRegistry = tags.filter((tag) => tag.startsWith(begin)).map((tag) => tag.slice(begin.length));
  const inGit = (await workspace.versionHistory?.tags(`${model}#`)) ?? [];
  return new Set([
    ...workspace.config.channels,
    ...inRegistry.map((name) => name.replace(/\.\d+$/, '')),
    ...inGit.flatMap(({ name }) => {
      const tag = parseModelTag(name);
      return tag?.kind === 'channel' ? [tag.channel] : [];
    }),
  ]);
}

async function readHistory(
  { workspace, model, repository, report }: CheckingAll,
  channel: string,
  tags: readonly string[],
): Promise<ChannelHistory> {
  const moves = (await listMoves(workspace, model, channel)).map((move) => [move.sequence, move] as const);
  const documents = new Map<number, ChannelDocument>();
  for (const sequence of channelSequences(tags, channel)) {
    const kept = (await readKept(repository, channel, sequence))?.document;
    if (kept !== undefined) documents.set(sequence, kept);
  }
  const current = (await readChannel(repository, channel))?.document;
  const kept = current && documents.get(current.sequence);
  if (current !== undefined && kept !== undefined && !isSame(current, kept)) {
    report({
      code: 'channel-document-disagrees',
      subject: `channel ${channel}`,
      message: `document ${current.sequence} names ${current.version} (${current.digest}), the one that was kept ${kept.version} (${kept.digest})`,
      values: { current: current.digest, kept: kept.digest },
      mend: `Find out who wrote which; a new move settles it: edgeloop rollout ${model}@VERSION --channel ${channel}`,
    });
  }
  // What the channel names counts, whether or not it was kept as well.
  if (current !== undefined) documents.set(current.sequence, current);
  return { channel, current, documents, moves: new Map(moves) };
}

function isSame(one: ChannelDocument, other: ChannelDocument): boolean {
  return one.version === other.version && one.digest === other.digest && one.issued === other.issued;
}

function checkChannel(checking: CheckingAll, history: ChannelHistory): void {
  const { documents, moves, channel, current } = history;
  for (const [sequence, document] of documents) checkDocument(checking, channel, { sequence, document });
  if (checking.workspace.versionHistory === undefined) return;
  for (const move of moves.values()) checkMove(checking, move);
  // What origin has is to be fetched first: what is missing is not known before.
  if ([...checking.unfetched].some((tag) => tag.startsWith(`${checking.model}#${channel}#`))) return;
  const sequences = [...new Set([...documents.keys(), ...moves.keys()])].toSorted((a, b) => a - b);
  for (const sequence of sequences) {
    const [document, move] = [documents.get(sequence), moves.get(sequence)];
    if (move === undefined && document !== undefined) reportUntagged(checking, document);
    // Kept but not named yet: a rollout was cut in between, or the registry lost the channel's own tag.
    const isBehind = sequence === sequences.at(-1) && sequence > (current?.sequence ?? 0);
    if (move !== undefined && (document === undefined || isBehind)) reportUnwritten(checking, history, move);
    if (move !== undefined && document !== undefined) compareMove(checking, document, move);
  }
}

function checkDocument(
  { report, releases, model, unfetched }: CheckingAll,
  channel: string,
  { sequence, document }: { sequence: number; document: ChannelDocument },
): void {
  const { version, digest } = document;
  const subject = `channel ${channel}`;
  const mend = `Find out who wrote it; a new move settles it: edgeloop rollout ${model}@VERSION --channel ${channel}`;
  const [asked, said] = [
    `${model}#${channel}#${sequence}`,
    `${document.model}#${document.channel}#${document.sequence}`,
  ];
  if (asked !== said) {
    const message = `its document ${sequence} says that it is ${said}`;
    report({ code: 'channel-misnamed', subject, message, values: { tag: asked, document: said }, mend });
  }
  const locked = releases.find((one) => one.version === version)?.lock.modelManifest;
  if (locked === digest || unfetched.has(versionTag(model, version))) return;
  const message = `document ${sequence} names ${version} as ${digest}, git ${locked ?? 'has no such release'}`;
  const values = { git: locked ?? null, registry: digest };
  report({ code: 'channel-disagrees', subject, message, values, mend });
}

/** A move is to a release, and its tag says to which model. */
function checkMove({ report, releases, unfetched, model }: CheckingAll, move: ChannelMove): void {
  const release = releases.find(({ commit }) => commit === move.commit);
  const mend = `It was not made by a rollout: find out who made it (git cat-file tag '${move.tag}'), and roll out again.`;
  if (release === undefined) {
    if ([...unfetched].some((tag) => tag.startsWith(versionTag(model, '')))) return;
    const message = `it is at ${move.commit}, which is of no release`;
    const values = { tag: move.commit, releases: null };
    report({ code: 'channel-tag-disagrees', subject: move.tag, message, values, mend });
    return;
  }
  if (namesItself(move, release)) return;
  const said = readTrailers(move.message)['Model-Manifest'];
  const locked = release.lock.modelManifest;
  report({
    code: 'trailer-disagrees',
    subject: `${move.tag} Model-Manifest`,
    message: `its message says ${said ?? 'nothing'}, the lock file at its commit ${locked}`,
    values: { message: said ?? null, lock: locked },
    mend,
  });
}

/** The registry has a document, and git no tag for it. */
function reportUntagged(checking: CheckingAll, document: ChannelDocument): void {
  const { channel, sequence, version } = document;
  const subject = channelTag(checking.model, channel, sequence);
  const message = `document ${sequence} names ${version}, and git has no tag for it`;
  const values = { git: null, registry: String(sequence) };
  const mend = `Run: edgeloop verify ${checking.model} --repair`;
  const finding = { code: 'channel-tag-missing', subject, message, values, mend };
  checking.report(finding, () => createTagOf(checking, document));
}

/** Git has a move, and the registry no document: a rollout was cut short, or the registry lost it. */
function reportUnwritten(
  checking: CheckingAll,
  { channel, current }: ChannelHistory,
  move: ChannelMove,
): void {
  const release = checking.releases.find(({ commit }) => commit === move.commit);
  const isDeprecated = release !== undefined && checking.deprecated.has(release.version);
  const isNext = move.sequence > (current?.sequence ?? 0);
  // A rollout that was cut is not finished once what it meant is deprecated, and its number is passed over.
  if (isDeprecated && !isNext) return;
  const named = current === undefined ? 'nothing' : `${current.version} (document ${current.sequence})`;
  const message = `git has ${move.tag}, and ${isNext ? `the channel names ${named}` : 'the registry no such document'}`;
  const values = { git: move.tag, registry: current === undefined ? null : String(current.sequence) };
  const mend = isDeprecated
    ? `${release.version} is deprecated: roll out another one (edgeloop rollout ${checking.model}@VERSION --channel ${channel})`
    : `Run: edgeloop verify ${checking.model} --repair`;
  const code = isNext ? 'channel-not-written' : 'channel-document-missing';
  const finding = { code, subject: move.tag, message, values, mend };
  checking.report(finding, isDeprecated ? undefined : () => writeDocumentOf(checking, channel, move));
}

function compareMove(
  { report, releases, model }: CheckingAll,
  document: ChannelDocument,
  move: ChannelMove,
): void {
  const { channel, sequence, version } = document;
  const release = releases.find((one) => one.version === version);
  const isMove = releases.some(({ commit }) => commit === move.commit);
  if (release === undefined || !isMove || move.commit === release.commit) return;
  report({
    code: 'channel-tag-disagrees',
    subject: move.tag,
    message: `document ${sequence} names ${version}, which is ${release.commit}, and ${move.tag} is at ${move.commit}`,
    values: { git: move.commit, registry: release.commit },
    mend: `Find out who wrote which (git show '${move.tag}'); a new move settles it: edgeloop rollout ${model}@VERSION --channel ${channel}`,
  });
}
