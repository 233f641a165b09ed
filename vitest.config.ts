import { defineConfig } from 'vitest/config';

// Quick tests first, so that `npm test` fails early: the unit tests, then built programs as processes, then other
// people's tools, and the whole story last.
const project = (name: string, include: string[], order: number, extra: object = {}) => ({
  test: { name, include, pool: 'forks' as const, sequence: { groupOrder: order }, ...extra },
});

export default defineConfig({
  test: {
    env: { ORT_DISABLE_TELEMETRY: '1' },
    reporters: ['default', './test/tooling/summary-reporter.ts'],
    projects: [
      project('unit', ['{src,edge-agent,tools,test/examples}/**/*.test.ts'], 1, { testTimeout: 20_000 }),
      project('process', ['test/process/**/*.test.ts'], 2, { testTimeout: 120_000 }),
      project('interop', ['test/interop/**/*.test.ts'], 3, { testTimeout: 120_000 }),
      project('workflows', ['test/workflows/**/*.test.ts'], 4, { testTimeout: 120_000 }),
      project('faults', ['test/faults/**/*.test.ts'], 5, { testTimeout: 180_000, maxConcurrency: 4 }),
      project('story', ['test/story/**/*.test.ts'], 6, { testTimeout: 300_000, maxWorkers: 1 }),
    ],
  },
});
