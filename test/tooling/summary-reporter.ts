import type { Reporter, TestModule } from 'vitest/node';

/** Ends the output of a run with one line that a machine can read: `123 passed, 0 failed`. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    // A file that could not be loaded, or an error outside a test, has no test of its own to fail.
    const broken = modules.filter((module) => module.errors().length > 0).length + errors.length;
    const skipped = count('skipped');
    const tail = skipped === 0 ? '' : `, ${skipped} skipped`;
    process.on('exit', () =>
      console.log(`${count('passed')} passed, ${count('failed') + broken} failed${tail}`),
    );
  }
}
