import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { churnProject, edgeloop } from '../fixtures/churn-project.ts';
import { expectError, leftIn, trainWith } from '../fixtures/expect-error.ts';

const TRAIN = 'node training/train.ts --data ${{inputs.train}} --out ${{outputs.model}} --trees 5';
const LOG_TYPE = 'application/vnd.edgeloop.training-log.v1+text';

interface Manifest {
  artifactType?: string;
  subject?: { digest: string };
  layers: { mediaType: string; digest: string; size: number }[];
}

const registry = (project: string) => join(project, '.edgeloop/registry/churn');
const blobPath = (project: string, digest: string) =>
  join(registry(project), 'blobs', digest.replace(':', '/'));

/** Manifests of all logs in the registry. */
function logsIn(project: string): Manifest[] {
  const index: { manifests: { digest: string; artifactType?: string }[] } = JSON.parse(
    readFileSync(join(registry(project), 'index.json'), 'utf8'),
  );
  return index.manifests
    .filter(({ artifactType }) => artifactType === LOG_TYPE)
    .map(({ digest }) => JSON.parse(readFileSync(blobPath(project, digest), 'utf8')));
}

function retrain(project: string): { inputKey: string; digest: string; log: string; stderr: string } {
  const { code, stdout, stderr } = edgeloop(project, 'retrain', 'churn', '--json');
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  const { inputKey, candidate } = JSON.parse(stdout);
  const log = readFileSync(join(project, `.edgeloop/logs/churn/${inputKey}.log`), 'utf8');
  return { inputKey, digest: candidate.digest, log, stderr };
}

describe('what a training prints', () => {
  it('is kept in the project and with its candidate, and does not change the digest of the candidate', () => {
    const project = churnProject();
    trainWith(project, `date +%N; ${TRAIN}; echo trained`);
    const first = retrain(project);
    expect(first.log).toMatch(/^\d+\n[^]*5 trees: log loss [^]*trained\n$/);
    const printed = first.stderr.split('\n').filter((line) => line.startsWith('  | '));
    expect(printed.map((line) => `${line.slice(4)}\n`).join('')).toBe(first.log);

    const [manifest, ...others] = logsIn(project);
    expect(others).toEqual([]);
    expect(manifest).toMatchObject({ subject: { digest: first.digest }, layers: [{ mediaType: LOG_TYPE }] });
    const blob = blobPath(project, manifest?.layers[0]?.digest ?? '');
    expect(readFileSync(blob, 'utf8')).toBe(first.log);

    expect(edgeloop(project, 'verify').code).toBe(0);
    writeFileSync(blob, first.log.replace('trained', 'TRAINED'));
    const verified = edgeloop(project, 'verify', '--json');
    expect(verified.code).toBe(3);
    expect(JSON.parse(verified.stdout).findings).toMatchObject([{ code: 'digest-mismatch' }]);

    rmSync(join(project, '.edgeloop'), { recursive: true });
    const second = retrain(project);
    expect(second.log).not.toBe(first.log);
    expect(second.digest).toBe(first.digest);
  });

  it('is kept when it fails, and the error says where', () => {
    const project = churnProject();
    trainWith(project, 'seq 100; exit 1');
    const { stderr } = expectError(project, ['retrain', 'churn'], {
      exit: 1,
      code: 'training-failed',
      says: ['  100\nAll of its lines are in '],
    });
    const [, path = ''] = /All of its lines are in (.*)\n/.exec(stderr) ?? [];
    expect(path).toMatch(/\/\.edgeloop\/logs\/churn\/[0-9a-f]{64}\.log$/);
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(101);
    expect(leftIn(project)).toEqual([]);
  });

  it('makes no artifact when it is nothing', () => {
    const project = churnProject();
    trainWith(project, `${TRAIN} > /dev/null`);
    expect(retrain(project).log).toBe('');
    expect(logsIn(project)).toEqual([]);
  });

  it('does not begin where its log cannot be written', () => {
    const project = churnProject();
    trainWith(project, `touch trained; ${TRAIN}`);
    mkdirSync(join(project, '.edgeloop'));
    writeFileSync(join(project, '.edgeloop/logs'), '');
    expectError(project, ['retrain', 'churn'], {
      exit: 1,
      code: 'training-log-unwritable',
      says: ['Check who may'],
    });
    expect(existsSync(join(project, 'trained'))).toBe(false);
  });
});
