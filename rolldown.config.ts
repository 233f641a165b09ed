import { chmodSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig } from 'rolldown';

/** What GitHub's toolkit brings along and our actions never call. */
const UNUSED = resolve(import.meta.dirname, 'src/actions/unused-undici.ts');

export default defineConfig({
  // One file per process that we start, plus the chunks that they share.
  input: {
    edgeloop: 'src/cli/edgeloop.ts',
    'session-host': 'src/onnx/session-host.ts',
    controller: 'src/cli/controller.ts',
    'action-plan': 'src/actions/plan.ts',
    'action-retrain': 'src/actions/retrain.ts',
    'action-retrain-post': 'src/actions/retrain-post.ts',
    'action-release': 'src/actions/release.ts',
    'action-rollout': 'src/actions/rollout.ts',
    'action-verify': 'src/actions/verify.ts',
  },
  platform: 'node',
  resolve: { alias: { undici: UNUSED } },
  treeshake: {
    // Of @actions/github we take what the event says; its client of half a megabyte goes when nobody asks for it.
    moduleSideEffects: [{ test: /node_modules\/(@actions\/github|@octokit)\//, sideEffects: false }],
  },
  plugins: [
    {
      name: 'executable',
      // npx runs the command by its file, and npm makes it executable only where it links it.
      writeBundle: () => chmodSync('dist/edgeloop.js', 0o755),
    },
  ],
  // Azure's client for blobs loads Arrow only when it is asked to list in that format, which nobody does here.
  external: ['onnxruntime-node', 'apache-arrow'],
  output: {
    dir: 'dist',
    format: 'esm',
    cleanDir: true,
    entryFileNames: '[name].js',
    // By its name the benchmark knows what is loaded for Azure only.
    chunkFileNames: ({ facadeModuleId }) =>
      /\/src\/azure\//.test(facadeModuleId ?? '') ? 'azure-[name]-[hash].js' : '[name]-[hash].js',
    minify: true,
  },
});
