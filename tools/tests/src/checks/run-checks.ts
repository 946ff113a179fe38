import type { TestCounts } from '../counts/test-counts.ts';
import type { Check } from './check.ts';

/** The checks use one processor each. */
const atOnce = 2;

/** Runs checks and prints one line for each as it ends, with the details of what is wrong. Each check counts as one test. */
export async function runChecks(
  checks: readonly Check[],
  print: (text: string) => void = console.log,
): Promise<TestCounts> {
  const waiting = [...checks];
  let failed = 0;
  const work = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const start = performance.now();
      const problem = await problemOf(check);
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      print(`${problem === undefined ? '✓' : '✗'} ${check.name.padEnd(16)} ${seconds.padStart(5)} s`);
      if (problem === undefined) continue;
      failed++;
      print(`${problem.replace(/^/gm, '    ')}\n    remedy: ${check.remedy}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { passed: checks.length - failed, failed, skipped: 0 };
}

async function problemOf(check: Check): Promise<string | undefined> {
  try {
    return await check.problem();
  } catch (error) {
    return `the check itself failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}
