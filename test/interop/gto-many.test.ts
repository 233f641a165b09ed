import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { churnProject, secondPartArrives } from '../fixtures/churn-project.ts';
import { json } from '../fixtures/json-answer.ts';
import { addReleases } from '../fixtures/many-releases.ts';
import { findTool } from '../tooling/find.ts';

const gto = findTool('gto');
const VERSIONS = 300;

interface Event {
  event: 'registration' | 'assignment' | 'commit';
  version: string;
  stage: string | null;
  commit: string;
}

// Another reader of the same tags must come to the same answers, with many versions too (DESIGN 8.5).
describe.skipIf(gto === undefined)(`gto and status, with ${VERSIONS} versions`, () => {
  let project: string;
  const ask = (...args: string[]) => execFileSync(gto ?? '', args, { cwd: project, encoding: 'utf8' }).trim();
  const history = (): Event[] => JSON.parse(ask('history', 'churn', '--json'));
  const status = () => {
    const { models, channels } = json(project, 0, 'status');
    return { releases: models[0].releases, champion: models[0].champion, channel: channels[0] };
  };

  beforeAll(() => {
    project = churnProject();
    json(project, 0, 'retrain', 'churn');
    json(project, 0, 'release', 'churn');
    json(project, 0, 'rollout', 'churn@1.0.0', '--channel', 'production');
    addReleases(project, join(project, '.edgeloop/registry'), VERSIONS - 1);
    secondPartArrives(project);
    json(project, 0, 'retrain', 'churn');
    json(project, 0, 'release', 'churn');
    json(project, 0, 'rollout', 'churn@1.29.9', '--channel', 'production');
  });

  it('agree on the latest version and on what the channel names', () => {
    const { releases, champion, channel } = status();
    expect(ask('show', 'churn@latest', '--version')).toBe(`v${releases[0].version}`);
    expect(ask('show', 'churn#production', '--version')).toBe(`v${channel.version}`);
    expect([releases[0].version, champion.version]).toEqual(['1.29.9', '1.29.9']);
  });

  it('agree on every version and its commit, and on every move of the channel', () => {
    const events = history();
    const { releases } = status();
    const own = releases.map(({ version, commit }: Event) => `v${version} ${commit}`);
    expect(own).toHaveLength(VERSIONS);
    const registered = events.filter(({ event }) => event === 'registration');
    expect(registered.map(({ version, commit }) => `${version} ${commit}`).toSorted()).toEqual(
      own.toSorted(),
    );
    const moves = events.filter(({ event }) => event === 'assignment');
    expect(moves.map(({ stage, version }) => `${stage} ${version}`).toSorted()).toEqual([
      'production v1.0.0',
      'production v1.29.9',
    ]);
  });

  it('agree on what a tag means', () => {
    const { releases, channel } = status();
    for (const release of [releases[0], releases[150]]) {
      expect(JSON.parse(ask('check-ref', release.tag, '--json'))).toMatchObject({
        event: 'registration',
        artifact: 'churn',
        version: `v${release.version}`,
        commit_hexsha: release.commit,
      });
    }
    expect(JSON.parse(ask('check-ref', `churn#production#${channel.sequence}`, '--json'))).toMatchObject({
      event: 'assignment',
      stage: 'production',
      version: `v${channel.version}`,
      commit_hexsha: releases[0].commit,
    });
  });

  it('agree after a rollback', () => {
    json(project, 0, 'rollback', 'churn', '--channel', 'production');
    const { releases, channel } = status();
    expect(channel).toMatchObject({ version: '1.0.0', sequence: 3 });
    expect(ask('show', 'churn#production', '--version')).toBe('v1.0.0');
    expect(ask('show', 'churn@latest', '--version')).toBe(`v${releases[0].version}`);
  });
});
