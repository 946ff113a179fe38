import { describe, expect, test } from 'vitest';
import { conformanceTable, missingChecks, selectsEveryCheck } from './conformance-table.ts';
import type { ConformanceTest } from './conformance-test.ts';

function passed(check: number, behaviour = 'works', more: Partial<ConformanceTest> = {}): ConformanceTest {
  return { check, behaviour, state: 'passed', file: 'libs/dra/src/a.test.ts', ...more };
}

describe('the table of checks', () => {
  const cells = (tests: readonly ConformanceTest[]) =>
    conformanceTable(tests)
      .split('\n')
      .filter((line) => line.startsWith('│'))
      .slice(1)
      .map((line) =>
        line
          .split('│')
          .slice(1, 4)
          .map((cell) => cell.trim()),
      );

  test('is sorted by number, with all tests of a check below it', () => {
    expect(cells([passed(10), passed(2, 'b'), passed(10, 'also'), passed(2, 'a')])).toEqual([
      ['2', 'b', 'passed'],
      ['', 'a', 'passed'],
      ['10', 'works', 'passed'],
      ['', 'also', 'passed'],
    ]);
  });

  test('has a test that ran in several tiers once, with its worst result', () => {
    expect(cells([passed(1), passed(1, 'works', { state: 'failed' }), passed(1)])).toEqual([
      ['1', 'works', 'failed'],
    ]);
    expect(cells([passed(1), passed(1, 'works', { state: 'skipped' })])).toEqual([['1', 'works', 'skipped']]);
  });
});

test('a check is missing unless a test of it has passed or failed', () => {
  const all = Array.from({ length: 49 }, (_, index) => passed(index + 1));
  expect(missingChecks(all)).toEqual([]);
  expect(missingChecks(all.slice(2))).toEqual([1, 2]);
  expect(missingChecks([...all.slice(1), passed(1, 'works', { state: 'skipped' })])).toEqual([1]);
  expect(missingChecks([...all.slice(1), passed(1, 'works', { state: 'failed' })])).toEqual([]);
});

test.each([
  [true, true, []],
  [true, true, ['libs/dra/', 'tools/e2e/src/dra/']],
  [true, true, ['libs/', 'tools/']],
  [true, true, ['dra']],
  [false, true, ['libs/dra/']],
  [false, true, ['libs/dra/src/slices/', 'tools/e2e/src/dra/']],
  [false, false, []],
] as const)(
  'that every check must be tested is %s with all tiers: %s, and paths %j',
  (expected, allTiers, filters) => {
    expect(selectsEveryCheck({ allTiers, filters })).toBe(expected);
  },
);
