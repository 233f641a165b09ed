import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { AZURITE, BICEP_GRAMMAR, GITHUB_API, SPECIFICATIONS } from './specifications.ts';
import { TRAINERS } from './trainers.ts';

const TOOLS = resolve(import.meta.dirname, '../../.tools');

/**
 * The path of a tool that `install.ts` installs, or `undefined`: tests that need it are then skipped, with the reason
 * on stderr. Never under `CI=true`, where a missing tool is an error.
 */
export function findTool(name: string): string | undefined {
  const folders = [
    join(TOOLS, 'bin'),
    join(TOOLS, 'python/bin'),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  return found ?? missing(name);
}

/** The folder of the Python environment that the examples' trainings run in; missing like a tool. */
export function findTrainers(): string | undefined {
  return existsSync(TRAINERS.proof) ? TRAINERS.folder : missing('scikit-learn for the examples');
}

/** The folders of the JSON Schemas that the OCI and ModelPack publish; missing like a tool. */
export function findSchemas(): string[] | undefined {
  const folders = SPECIFICATIONS.map(({ folder }) => folder);
  return folders.every((folder) => existsSync(folder)) ? folders : missing('the JSON Schemas');
}

/** The file of GitHub's description of its REST API; missing like a tool. */
export function findGitHubDescription(): string | undefined {
  return existsSync(GITHUB_API.file) ? GITHUB_API.file : missing(`GitHub's description of its REST API`);
}

/** The file of Azurite's blob service, to be run by Node; missing like a tool. */
export function findAzurite(): string | undefined {
  return existsSync(AZURITE.program) ? AZURITE.program : missing(AZURITE.package);
}

/** The Python that has the grammar of Bicep; missing like a tool. */
export function findBicepGrammar(): string | undefined {
  return existsSync(BICEP_GRAMMAR.proof) ? BICEP_GRAMMAR.python : missing('the grammar of Bicep');
}

/** Whether npm's registry, or what npm has been told to ask in its place, answers; missing like a tool. */
export function npmRegistryAnswers(): boolean {
  const { status } = spawnSync('npm', ['view', 'onnxruntime-node', 'version'], { cwd: tmpdir() });
  if (status !== 0) unavailable('the npm registry does not answer');
  return status === 0;
}

function missing(name: string): undefined {
  return unavailable(`${name} is not installed (node test/tooling/install.ts installs it)`);
}

function unavailable(reason: string): undefined {
  if (process.env['CI'] === 'true') throw new Error(reason);
  console.warn(`SKIPPED: ${reason}`);
}
