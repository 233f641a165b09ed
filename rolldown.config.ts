import { chmodSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig } from 'rolldown';
import { Visitor } from 'rolldown/utils';

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
      name: 'without descriptions',
      // They are for the JSON Schemas, which are made from the source: 9 kB that no program reads.
      transform: {
        filter: { id: /\/src\/config\/.*schema\.ts$/ },
        handler(code) {
          const calls: { start: number; end: number }[] = [];
          new Visitor({
            CallExpression({ callee, end }) {
              if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return;
              const { name } = callee.property;
              if (name === 'describe' || name === 'meta') calls.push({ start: callee.object.end, end });
            },
          }).visit(this.parse(code, { lang: 'ts' }));
          return calls
            .filter(({ start, end }) => !calls.some((outer) => outer.start < start && end <= outer.end))
            .toSorted((a, b) => b.start - a.start)
            .reduce((text, { start, end }) => text.slice(0, start) + text.slice(end), code);
        },
      },
    },
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
    chunkFileNames: ({ facadeModuleId, name }) =>
      /\/src\/.*azure|^[^/]*azure/.test(facadeModuleId ?? name)
        ? 'azure-[name]-[hash].js'
        : '[name]-[hash].js',
    minify: true,
  },
});
