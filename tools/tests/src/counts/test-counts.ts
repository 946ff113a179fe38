/** How many tests ended how. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** No tests at all. */
export const noTests: TestCounts = { passed: 0, failed: 0, skipped: 0 };

/** Adds counts up. */
export function sumCounts(all: readonly TestCounts[]): TestCounts {
  return all.reduce(
    (sum, counts) => ({
      passed: sum.passed + counts.passed,
      failed: sum.failed + counts.failed,
      skipped: sum.skipped + counts.skipped,
    }),
    noTests,
  );
}

/** The last line of `npm test`, made to be read by programs too: `N passed, N failed, N skipped`. */
export function sumLine(counts: TestCounts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}

/** Reads the sum from the output of `npm test`; undefined when its last line is no sum, as after a crash. */
export function parseSum(output: string): TestCounts | undefined {
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const match = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(last);
  if (match === null) return undefined;
  return { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3]) };
}
