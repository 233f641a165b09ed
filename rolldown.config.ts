import { chmodSync } from 'node:fs';
import { defineConfig } from 'rolldown';

export default defineConfig({
  // One file per process that we start, plus the chunks that they share.
  input: {
    edgeloop: 'src/cli/edgeloop.ts',
    'session-host': 'src/onnx/session-host.ts',
    controller: 'edge-agent/controller/main.ts',
  },
  platform: 'node',
  plugins: [
    {
      name: 'executable',
      // npx runs the command by its file, and npm makes it executable only where it links it.
      writeBundle: () => chmodSync('dist/edgeloop.js', 0o755),
    },
  ],
  external: ['onnxruntime-node'],
  output: {
    dir: 'dist',
    format: 'esm',
    cleanDir: true,
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    minify: true,
  },
});
