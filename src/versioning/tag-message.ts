import type { Lock } from './lock.ts';

/** What a version's tag says of its lock file, for whoever has only the tag: git trailers, by name. */
export function tagTrailers(lock: Lock): Record<string, string> {
  return {
    'Model-Manifest': lock.modelManifest,
    Image: lock.image,
    ...(lock.base !== undefined && { 'Base-Image': lock.base }),
    'Input-Key': lock.inputKey,
    Dataset: lock.dataset,
    Verdict: lock.verdict,
    Champion: lock.champion ?? 'none',
    'Trained-Commit': lock.trainedCommit ?? 'none',
  };
}

/** The message of a version's tag: a title, the reasons for its bump, the trailers. */
export function tagMessage(lock: Lock): string {
  const trailers = Object.entries(tagTrailers(lock)).map(([name, value]) => `${name}: ${value}`);
  const reasons = lock.reasons.map((reason) => `- ${reason}`);
  return `${lock.model} ${lock.version}\n\n${reasons.join('\n')}\n\n${trailers.join('\n')}`;
}

/** The message of the tag of a channel's move: which version, and by a trailer which model. */
export function channelTagMessage(move: {
  model: string;
  version: string;
  channel: string;
  digest: string;
}): string {
  return `${move.model} ${move.version} to ${move.channel}\n\nModel-Manifest: ${move.digest}`;
}

/** The trailers of a tag's message: the lines `Name: value` of its last paragraph, as `git interpret-trailers` has it. */
export function readTrailers(message: string): Record<string, string> {
  const last =
    message
      .trimEnd()
      .split(/\n\s*\n/)
      .at(-1) ?? '';
  const found = last.matchAll(/^([A-Za-z][A-Za-z-]*): (.*)$/gm);
  return Object.fromEntries([...found].map(([, name = '', value = '']) => [name, value.trim()]));
}
