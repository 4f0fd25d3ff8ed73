// A vitest reporter: prints every skipped test with its reason and one line of counts, and writes the counts to
// DLM_TEST_COUNTS for `npm test`. A run that executes no test fails.
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** What one run did. */
export interface Counts {
  readonly files: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The reporter of vitest.config.ts. */
export class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string): number => tests.filter((test) => test.result().state === state).length;
    // A file that throws before its tests are collected is a failure of its own.
    const brokenFiles = modules.filter((module) => module.errors().length > 0).length;
    const counts: Counts = {
      files: modules.length,
      passed: count('passed'),
      failed: count('failed') + brokenFiles + unhandledErrors.length,
      skipped: count('skipped') + count('pending'),
    };
    for (const test of tests) if (test.result().state === 'skipped') console.log(`skipped  ${describe(test)}`);
    console.log(`${counts.files} files, ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    if (counts.passed + counts.failed === 0) process.exitCode = 1;
    const target = process.env['DLM_TEST_COUNTS'];
    if (target !== undefined) writeFileSync(target, JSON.stringify(counts));
  }
}

function describe(test: TestCase): string {
  const result = test.result();
  const reason = result.state === 'skipped' && result.note !== undefined ? result.note : 'no reason given';
  return `${relative('.', test.module.moduleId)} > ${test.fullName}: ${reason}`;
}
