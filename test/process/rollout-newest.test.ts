import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openWorkspace } from '../../src/loop/open-workspace.ts';
import { rollOut as moveChannel, rolloutTarget } from '../../src/loop/rollout.ts';
import { git } from '../fixtures/churn-project.ts';
import { json } from '../fixtures/json-answer.ts';
import { loopDeps, type TestDeps } from '../fixtures/loop-deps.ts';
import { copyOf, releasedVersions } from '../fixtures/released-versions.ts';

const CHANNEL = { model: 'churn', channel: 'production' };
const NOTHING = { moved: false };

let released: string;
let project: string;
beforeAll(() => {
  released = releasedVersions();
}, 60_000);
beforeEach(() => {
  project = copyOf(released);
});

const verb = (...args: string[]) => json(project, 0, ...args);
const rollOut = (version: string) =>
  verb('rollout', `churn@${version}`, '--channel', 'production', '--allow-major');
const deprecate = (version: string) => verb('deprecate', `churn@${version}`, '--why', 'wrong prices');
const named = () => verb('status').channels[0];

const open = (log?: TestDeps['log']) => {
  const { PATH = '' } = process.env;
  return openWorkspace({ ...loopDeps({ PATH }, { cwd: project }), ...(log && { log }) });
};
/** As the action `rollout` does for a model without a version. */
async function newest(allowMajor = true, workspace = open()) {
  const { release, current } = await rolloutTarget(await workspace, { ...CHANNEL, version: undefined });
  if (release === undefined) return { moved: false, document: current };
  const { version } = release;
  return {
    moved: true,
    document: await moveChannel(await workspace, { ...CHANNEL, version, allowMajor }),
  };
}

/** Ends it between the git tag and the document, as a kill does. */
async function cut(): Promise<void> {
  const workspace = open((_level, _message, fields) => {
    if (fields?.['step'] === 'document') throw new Error('cut');
  });
  await expect(newest(true, workspace)).rejects.toThrow('cut');
}

/** Takes from git that there are releases. */
const forget = (...versions: string[]) =>
  versions.forEach((version) => git(project, 'tag', '-d', `churn@v${version}`));

describe('the newest release', () => {
  it('is rolled out to a channel that names nothing, and once', async () => {
    expect(await newest(false)).toMatchObject({ moved: true, document: { version: '2.1.0', sequence: 1 } });
    expect(named()).toMatchObject({ version: '2.1.0' });
    expect(await newest()).toMatchObject({ ...NOTHING, document: { version: '2.1.0', sequence: 1 } });
  });

  it('is rolled out when it is newer, to another major version only when that is allowed', async () => {
    rollOut('1.0.0');
    await expect(newest(false)).rejects.toMatchObject({ code: 'major-version', exitCode: 3 });
    expect(named()).toMatchObject({ version: '1.0.0' });
    expect(await newest()).toMatchObject({ moved: true, document: { version: '2.1.0', sequence: 2 } });
  });

  it('that was rolled back is not rolled out again', async () => {
    rollOut('2.0.0');
    await newest();
    verb('rollback', 'churn', '--channel', 'production');
    expect(await newest()).toMatchObject({ ...NOTHING, document: { version: '2.0.0', sequence: 3 } });
    expect(git(project, 'tag', '-l', 'churn#*').split('\n')).toHaveLength(3);
  });

  it('is the newest that is not deprecated, and never a lower one than the channel names', async () => {
    deprecate('2.1.0');
    expect(await newest()).toMatchObject({ moved: true, document: { version: '2.0.0' } });
    rollOut('1.0.0');
    // 2.0.0 was named, and 2.1.0 is still deprecated.
    expect(await newest()).toMatchObject({ ...NOTHING, document: { version: '1.0.0' } });
    deprecate('2.0.0');
    expect(await newest()).toMatchObject({ ...NOTHING, document: { version: '1.0.0' } });
  });

  it('does not take the place of a higher one that was deprecated while the channel names it', async () => {
    await newest();
    deprecate('2.1.0');
    expect(await newest()).toMatchObject({ ...NOTHING, document: { version: '2.1.0', sequence: 1 } });
  });

  it('is nothing where all are deprecated, or none was released', async () => {
    for (const version of ['1.0.0', '2.0.0', '2.1.0']) deprecate(version);
    expect(await newest()).toEqual({ moved: false, document: undefined });
    forget('1.0.0', '2.0.0', '2.1.0');
    expect(await newest()).toEqual({ moved: false, document: undefined });
  });

  it.each(['first', 'second'])('whose %s rollout was cut after its git tag is finished', async (which) => {
    if (which === 'second') rollOut('2.0.0');
    const sequence = which === 'second' ? 2 : 1;
    await cut();
    expect(git(project, 'tag', '-l', `churn#production#${sequence}`)).not.toBe('');
    expect(named()?.version).toBe(which === 'second' ? '2.0.0' : undefined);
    expect(await newest()).toMatchObject({ moved: true, document: { version: '2.1.0', sequence } });
    expect(named()).toMatchObject({ version: '2.1.0' });
    expect(git(project, 'tag', '-l', 'churn#*').split('\n')).toHaveLength(sequence);
    expect(verb('verify')).toMatchObject({ ok: true });
  });

  it('waits for the end of a rollout of another release that was cut', async () => {
    const tag = 'refs/tags/churn@v2.1.0';
    const object = git(project, 'rev-parse', tag);
    rollOut('1.0.0');
    forget('2.1.0');
    await cut();
    // As if it had been released since.
    git(project, 'update-ref', tag, object);
    await expect(newest()).rejects.toMatchObject({ code: 'channel-moved', exitCode: 3 });
    expect(named()).toMatchObject({ version: '1.0.0' });
    rollOut('2.0.0');
    expect(await newest()).toMatchObject({ moved: true, document: { version: '2.1.0', sequence: 3 } });
  });
});
