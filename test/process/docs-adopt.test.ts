// Runs every command of docs/adopt.md, in its order, as somebody would who follows it: against a real registry, a bare
// repository for `origin`, and a stand-in for GitHub's own command.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readDescription } from '../fakes/github/description.ts';
import { commit, edgeloopWith, git } from '../fixtures/churn-project.ts';
import { blocksOf, commandsOf, GUIDE, NOT_RUN, readDocument, ROOT } from '../fixtures/documents.ts';
import { edit } from '../fixtures/expect-error.ts';
import { available, startRegistry } from '../fixtures/registries.ts';
import { openSession, type ShellSession } from '../fixtures/shell-session.ts';
import { findGitHubDescription } from '../tooling/find.ts';

/** What the guide says that one sees, by the first line of the commands. */
const SEEN: Record<string, string[]> = {
  'edgeloop plan': ['churn: train', 'passed the gate as its first release', 'released churn 1.0.0 (first)'],
  'edgeloop agent --registry oci:.edgeloop/registry': ['serves churn 1.0.0'],
  'curl --silent --show-error --fail http://127.0.0.1:8080/v2/models/churn': ['churn 1.0.0 (active, cpu)'],
  'git switch --quiet --create second-delivery': [
    'the training data changed: 1 file added (churn-2.csv; 120,605 bytes)',
  ],
  'edgeloop device poll': ['churn: swapped', 'churn 1.0.1 (active, cpu, 1.0.0 kept warm)'],
};

const canRun = available('distribution') && findGitHubDescription() !== undefined;

describe.skipIf(!canRun)('docs/adopt.md', () => {
  it(
    'leads from a repository to a device that swaps, every command of it',
    { timeout: 240_000 },
    async () => {
      await using registry = await startRegistry('distribution');
      const place = await prepare(registry.host);
      const session = openSession(place.root, place.repository);
      const said = new Map<string, string>();
      try {
        for (const { first, text } of commandsOf(GUIDE)) {
          if (NOT_RUN[first] !== undefined) continue;
          await meanwhile(first, place, session);
          const output = await runBlock(session, place.fit(text));
          said.set(first, `${said.get(first) ?? ''}${output}`);
        }
      } finally {
        await session.stop();
      }

      const guide = readDocument(GUIDE);
      for (const [first, words] of Object.entries(SEEN).flatMap(([of, all]) => all.map((one) => [of, one]))) {
        expect(guide).toContain(words);
        expect(said.get(first ?? '')).toContain(words);
      }
      expect(git(place.origin, 'tag', '--list').split('\n')).toEqual([
        'churn#production#1',
        'churn#production#2',
        'churn@v1.0.0',
        'churn@v1.0.1',
      ]);
      const table = [...guide.matchAll(/^\| `([\w./-]+)` \|/gm)].map(([, path = '']) => path);
      expect(table).toContain('.github/workflows/retrain.yml');
      expect(table.filter((path) => !existsSync(join(place.repository, path)))).toEqual([]);
      expectRequests(join(place.root, 'gh-requests.jsonl'));
    },
  );
});

interface Place {
  root: string;
  /** Somebody's repository with data and a training, and nothing of Edgeloop's. */
  repository: string;
  origin: string;
  /** The guide's text with this machine's addresses. */
  fit: (text: string) => string;
}

async function prepare(registry: string): Promise<Place> {
  const root = mkdtempSync(join(tmpdir(), 'edgeloop-docs-'));
  const repository = join(root, 'churn');
  for (const part of ['.gitattributes', 'arrivals', 'data', 'training', 'package.json', 'package-lock.json'])
    cpSync(join(ROOT, 'examples/churn', part), join(repository, part), { recursive: true });
  const origin = join(root, 'origin.git');
  git(root, 'init', '--quiet', '--bare', '--initial-branch=main', origin);
  git(repository, 'init', '--quiet', '--initial-branch=main');
  git(repository, 'config', 'user.name', 'Ada');
  git(repository, 'config', 'user.email', 'ada@example.com');
  git(repository, 'remote', 'add', 'origin', origin);
  commit(repository, 'A model that is trained by hand');
  const http = `127.0.0.1:${await freePort()}`;
  const fit = (text: string) =>
    text.replaceAll('127.0.0.1:8080', http).replaceAll('ghcr.io/acme/churn', `${registry}/acme/churn`);
  return { root, repository, origin, fit };
}

/** What happens before a block: edits that the guide describes, and what the workflows do on GitHub. */
async function meanwhile(first: string, place: Place, session: ShellSession): Promise<void> {
  const { repository, fit } = place;
  if (first === 'git add --all') {
    const block = blocksOf(readDocument(GUIDE)).find(({ text }) => text.includes('edgeloop.schema.json'));
    writeFileSync(join(repository, 'edgeloop.yaml'), `${fit(block?.text ?? '')}\n`);
    edit(
      repository,
      'agent.yaml',
      [/^registry: .*$/m, `registry: ${fit('ghcr.io/acme/churn')}`],
      [/127\.0\.0\.1:8080/, fit('127.0.0.1:8080')],
    );
  }
  if (first === 'cd ../churn') await session.stop();
  if (first === 'git switch --quiet --create second-delivery') await runWorkflows(place, '1.0.0');
  if (first === 'edgeloop device poll') await runWorkflows(place, '1.0.1');
}

/** What retrain.yml, a merge, release.yml and rollout.yml come to. */
async function runWorkflows({ root, origin }: Place, version: string): Promise<void> {
  const clone = join(root, `runner-${version}`);
  mkdirSync(clone);
  git(root, 'clone', '--quiet', origin, clone);
  git(clone, 'config', 'user.name', 'Ada');
  git(clone, 'config', 'user.email', 'ada@example.com');
  if (version !== '1.0.0') {
    git(clone, 'merge', '--quiet', 'origin/second-delivery');
    git(clone, 'push', '--quiet', 'origin', 'main');
  }
  const rollout = ['rollout', `churn@${version}`, '--channel', 'production'];
  for (const args of [['retrain', 'churn'], ['release', 'churn'], rollout]) {
    const { code, stderr } = await edgeloopWith({ GITHUB_ACTIONS: '' }, clone, ...args);
    expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
  }
}

/** Runs a block to its end; an agent goes on, once it is ready. */
async function runBlock(session: ShellSession, text: string): Promise<string> {
  if (text.startsWith('edgeloop agent ')) {
    return session.start(text);
  }
  const { code, output } = await session.run(text);
  expect({ text, code, output: code === 0 ? '' : output }).toEqual({ text, code: 0, output: '' });
  return output;
}

/** GitHub takes each request that the guide sends, and we take the event's payload. */
function expectRequests(file: string): void {
  const operation = readDescription(findGitHubDescription() ?? '');
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  const requests = lines.map((line) =>
    z.object({ route: z.string(), body: z.looseObject({}) }).parse(JSON.parse(line)),
  );
  for (const { route, body } of requests) {
    const wrong = operation(route).misfitsOfRequest({ query: new URLSearchParams(), body });
    expect({ route, wrong }).toEqual({ route, wrong: [] });
  }
  const labels = requests.filter(({ route }) => route.endsWith('/labels')).map(({ body }) => body['name']);
  expect(labels).toEqual(['edgeloop:train', 'edgeloop:minor', 'edgeloop:major']);
  const dispatch = requests.find(({ route }) => route === 'POST /repos/{owner}/{repo}/dispatches')?.body;
  expect(dispatch).toMatchObject({ event_type: 'edgeloop-data-changed' });
  const schema: unknown = JSON.parse(readFileSync(join(ROOT, 'schema/dispatch.schema.json'), 'utf8'));
  const ajv = new Ajv2020({ strict: false });
  const fits = ajv.compile(z.looseObject({}).parse(schema));
  expect({ fits: fits(dispatch?.['client_payload']), errors: fits.errors }).toEqual({
    fits: true,
    errors: null,
  });
  expect(requests.map(({ route }) => route)).toContain(
    'POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches',
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
