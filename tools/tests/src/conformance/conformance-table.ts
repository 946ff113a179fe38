import Table from 'cli-table3';
import type { Selection } from '../tiers/selection.ts';
import type { ConformanceTest } from './conformance-test.ts';

/** How many checks there are. */
const checkCount = 49;
/** Where their tests are. */
const homes = ['libs/dra/', 'tools/e2e/src/dra/'];

/** Whether everything was selected that tests a check, so that a check without a test is missing. */
export function selectsEveryCheck({ allTiers, filters }: Pick<Selection, 'allTiers' | 'filters'>): boolean {
  // A filter selects paths that contain it; so it selects a folder as a whole when the folder's path does.
  const whole = (home: string) => filters.length === 0 || filters.some((filter) => home.includes(filter));
  return allTiers && homes.every(whole);
}

/** Numbers of the checks that no test has passed or failed. */
export function missingChecks(tests: readonly ConformanceTest[]): readonly number[] {
  const tested = new Set(tests.filter(({ state }) => state !== 'skipped').map(({ check }) => check));
  return Array.from({ length: checkCount }, (_, index) => index + 1).filter((check) => !tested.has(check));
}

/** Every check by number: what is tested, how that went, and where. A test that ran in several tiers is listed once, with its worst result. */
export function conformanceTable(tests: readonly ConformanceTest[]): string {
  const table = new Table({
    head: ['check', 'behaviour', 'result', 'where'],
    colAligns: ['right', 'left', 'left', 'left'],
    style: { head: [], border: [], compact: true },
  });
  let previous: number | undefined;
  for (const { check, behaviour, state, file } of once(tests)) {
    table.push([check === previous ? '' : check, behaviour, state, file]);
    previous = check;
  }
  return table.toString();
}

const worstFirst = ['failed', 'skipped', 'passed'];

function once(tests: readonly ConformanceTest[]): ConformanceTest[] {
  const kept = new Map<string, ConformanceTest>();
  for (const test of tests) {
    const key = [test.check, test.behaviour, test.file].join('\n');
    const other = kept.get(key);
    const worse = other === undefined || worstFirst.indexOf(test.state) < worstFirst.indexOf(other.state);
    if (worse) kept.set(key, test);
  }
  // Sorting is stable: within a check, in the order in which they ran.
  return [...kept.values()].sort((a, b) => a.check - b.check);
}
