import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { churnProject, edgeloop, secondPartArrives } from '../fixtures/churn-project.ts';
import { findTool } from '../tooling/find.ts';

const gto = findTool('gto');

// What another tool reads in our git tags (DESIGN 8.5).
describe.skipIf(gto === undefined)('gto', () => {
  let project: string;
  const ask = (...args: string[]) => execFileSync(gto ?? '', args, { cwd: project, encoding: 'utf8' }).trim();

  beforeAll(() => {
    project = churnProject();
    for (const version of ['1.0.0', '1.0.1']) {
      if (version === '1.0.1') secondPartArrives(project);
      for (const args of [
        ['retrain', 'churn'],
        ['release', 'churn'],
        ['rollout', `churn@${version}`, '--channel', 'production'],
      ]) {
        const ran = edgeloop(project, ...args);
        if (ran.code !== 0) throw new Error(ran.stderr);
      }
    }
  });

  it('reads the latest version and what the channel names', () => {
    expect(ask('show', 'churn@latest', '--version')).toBe('v1.0.1');
    expect(ask('show', 'churn#production', '--version')).toBe('v1.0.1');
  });

  it('reads both releases and both rollouts in the history', () => {
    const history: { event: string; version?: string; stage?: string }[] = JSON.parse(
      ask('history', 'churn', '--json'),
    );
    expect(
      history
        .filter(({ event }) => event === 'registration')
        .map(({ version }) => version)
        .toSorted(),
    ).toEqual(['v1.0.0', 'v1.0.1']);
    expect(
      history.filter(({ event, stage }) => event === 'assignment' && stage === 'production'),
    ).toHaveLength(2);
  });
});
