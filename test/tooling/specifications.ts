import { resolve } from 'node:path';

/** The JSON Schemas of a specification, as its Go module has them: where they lie once they are installed. */
export interface Specification {
  module: string;
  folder: string;
}

export const SPECIFICATIONS: Specification[] = [
  'github.com/opencontainers/image-spec@v1.1.1',
  'github.com/modelpack/model-spec@v0.0.7',
].map((module) => ({
  module,
  folder: resolve(import.meta.dirname, '../../.tools', module.replaceAll(/[^A-Za-z0-9.@=-]/g, '_')),
}));

/** GitHub's description of its REST API (OpenAPI 3.0): one file of 13 MB out of a package of 385. */
export const GITHUB_API = {
  package: '@octokit/openapi@23.0.2',
  member: 'package/generated/api.github.com.json',
  file: resolve(import.meta.dirname, '../../.tools/api.github.com-23.0.2.json'),
};

/** Microsoft's emulator of Azure Blob Storage: a package of 240 MB with what it needs, therefore no dependency. */
export const AZURITE = {
  package: 'azurite@3.37.0',
  folder: resolve(import.meta.dirname, '../../.tools/azurite-3.37.0'),
  program: resolve(
    import.meta.dirname,
    '../../.tools/azurite-3.37.0/node_modules/azurite/dist/src/blob/main.js',
  ),
};

/** The grammar of Bicep, for Python. Microsoft's compiler is in none of the registries that the tests install from. */
export const BICEP_GRAMMAR = {
  packages: ['tree-sitter==0.26.1', 'tree-sitter-bicep==1.1.0'],
  proof: resolve(import.meta.dirname, '../../.tools/tree-sitter==0.26.1_tree-sitter-bicep==1.1.0.installed'),
  python: resolve(import.meta.dirname, '../../.tools/python/bin/python3'),
};
