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
