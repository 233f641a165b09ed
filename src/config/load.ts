import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { misuse } from '../errors.ts';
import { type AgentConfig, agentConfigSchema } from './agent-schema.ts';
import { type AzureConfig, configSchema, type GitHubConfig, type ModelConfig } from './schema.ts';
import { nearest } from './nearest.ts';
import { placeOfSetting, readYaml, validate, validateYaml } from './yaml-file.ts';

export interface Config {
  /** Absolute path of the file. */
  file: string;
  /** The file's folder: every path in it is relative to this. */
  root: string;
  /** As in the file or `EDGELOOP_REGISTRY`; an `oci:` folder is absolute. */
  registry: string;
  models: Record<string, ModelConfig>;
  /** At least one; the first one names the champion. */
  channels: string[];
  github: GitHubConfig;
  /** The Azure ML workspace, if there is one. */
  azure?: AzureConfig | undefined;
}

/** Loads `edgeloop.yaml`: the named file, or the nearest one upward from `from`. Throws misuses only. */
export function loadConfig(
  from: string,
  file?: string,
  environment: NodeJS.ProcessEnv = process.env,
): Config {
  const path = file === undefined ? findUpward(from, 'edgeloop.yaml') : resolve(from, file);
  const root = dirname(path);
  const override = environment['EDGELOOP_REGISTRY'];
  const parsed = readYaml(path, configSchema, override === undefined ? {} : { registry: override });
  const base = override === undefined ? root : from;
  return { ...parsed, file: path, root, registry: absoluteRegistry(parsed.registry, base) };
}

/** The same for a text that is not a file any more, an older version of one; its paths are relative to `root`. */
export function parseConfig(text: string, name: string, root: string): Config {
  const parsed = validateYaml(name, text, configSchema);
  return { ...parsed, file: name, root, registry: absoluteRegistry(parsed.registry, root) };
}

/** Loads `agent.yaml` (default: in `from`, if it is there) and lays the flags over it. */
export function loadAgentConfig(
  from: string,
  file: string | undefined,
  flags: Record<string, unknown>,
): AgentConfig {
  const path = resolve(from, file ?? 'agent.yaml');
  const fromFile = file !== undefined || existsSync(path);
  const parsed = fromFile
    ? readYaml(path, agentConfigSchema, flags)
    : validate('the flags', agentConfigSchema, flags, (key) => `--${key.join('.')}`);
  const root = fromFile ? dirname(path) : from;
  const base = (flag: string) => (flags[flag] === undefined ? root : from);
  return {
    ...parsed,
    state: resolve(base('state'), parsed.state),
    registry: absoluteRegistry(parsed.registry, base('registry')),
  };
}

/** The settings of one model; an unknown name is a misuse that proposes the nearest one. */
export function modelConfig(config: Config, name: string): ModelConfig {
  // A name such as "constructor" must not find what every object inherits.
  const model = Object.hasOwn(config.models, name) ? config.models[name] : undefined;
  if (model !== undefined) return model;
  const names = Object.keys(config.models);
  const guess = nearest(name, names);
  const message = `${config.file} has no model "${name}"; it has ${names.join(', ')}`;
  const place = placeOfSetting(config.file, ['models']);
  throw misuse(
    'model-unknown',
    message,
    guess === undefined ? 'Name one of these models.' : `Did you mean "${guess}"?`,
    place && { places: [{ ...place, message }] },
  );
}

function findUpward(from: string, name: string): string {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const path = join(folder, name);
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) {
      throw misuse(
        'config-not-found',
        `there is no ${name} in ${resolve(from)} or any folder above it`,
        `Go to your project's folder, or name the file: --config FILE. In a workflow: actions/checkout comes first; with: { config: FILE }`,
      );
    }
  }
}

function absoluteRegistry(registry: string, base: string): string {
  return registry.startsWith('oci:') ? `oci:${resolve(base, registry.slice('oci:'.length))}` : registry;
}
