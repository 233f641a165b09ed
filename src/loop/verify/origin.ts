import { EdgeloopError, messageOf } from '../../errors.ts';
import type { TagPair } from '../../versioning/index.ts';
import type { Workspace } from '../workspace.ts';
import type { Checking } from './finding.ts';

/**
 * Git here and at `origin`: the same tags, which are the same tag objects. Answers those that only `origin` has, and
 * `undefined` when it cannot be reached.
 */
export async function checkOrigin(
  { workspace, model, report }: Checking,
  names: readonly string[],
): Promise<Set<string> | undefined> {
  const pairs = await pairsOf(workspace, names);
  if (pairs === undefined) return undefined;
  const unfetched = new Set<string>();
  // One question for all of them: one each would take minutes for some hundred versions.
  let fetching: Promise<void> | undefined;
  const fetchAll = () => (fetching ??= workspace.sourceControl?.fetchMissing([...unfetched]));
  for (const { name, here, origin } of pairs) {
    if (here === origin) continue;
    const values = { here: here ?? null, origin: origin ?? null };
    const finding = { subject: name, values };
    if (here === undefined) {
      unfetched.add(name);
      const message = `origin has it as ${origin}, this clone does not`;
      const mend = `Run: edgeloop verify ${model} --repair, or git fetch origin tag '${name}'`;
      report({ ...finding, code: 'tag-not-fetched', message, mend }, async () => {
        await fetchAll();
        return `the tag ${name} was fetched from origin`;
      });
    } else if (origin === undefined) {
      const message = `this clone has it as ${here}, origin does not`;
      const mend = `Find out who made it; then push it (git push origin 'refs/tags/${name}') or delete it here (git tag -d '${name}').`;
      report({ ...finding, code: 'tag-not-pushed', message, mend });
    } else {
      const message = `this clone has it as ${here}, origin as ${origin}`;
      const mend = `What origin has counts for everybody: look at both, then git tag -d '${name}' && git fetch origin tag '${name}'`;
      report({ ...finding, code: 'tag-differs', message, mend });
    }
  }
  return unfetched;
}

async function pairsOf(
  { sourceControl, versionHistory, deps }: Workspace,
  names: readonly string[],
): Promise<TagPair[] | undefined> {
  // Where versions are recorded at GitHub itself, a clone's tags count for nothing.
  if (sourceControl === undefined || versionHistory !== sourceControl) return [];
  try {
    return (await sourceControl.compareTags(names)) ?? [];
  } catch (error) {
    deps.signal.throwIfAborted();
    if (!(error instanceof EdgeloopError)) throw error;
    deps.log('warn', `origin is not compared with: ${messageOf(error)}`);
    return undefined;
  }
}
