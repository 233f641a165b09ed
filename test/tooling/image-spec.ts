import { resolve } from 'node:path';

const module = 'github.com/opencontainers/image-spec@v1.1.1';

/** The JSON Schemas of OCI image-spec 1.1, as its Go module has them: where they lie once they are installed. */
export const IMAGE_SPEC = {
  module,
  folder: resolve(import.meta.dirname, '../../.tools', module.replaceAll(/[^A-Za-z0-9.@=-]/g, '_')),
};
