import { defineConfig } from 'rolldown';

export default defineConfig({
  // One file per process that we start, plus the chunks that they share.
  input: {
    edgeloop: 'src/cli/main.ts',
    'session-host': 'src/onnx/session-host.ts',
    controller: 'edge-agent/controller/main.ts',
  },
  platform: 'node',
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
