import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSum, sumCounts, sumLine } from './test-counts.ts';

const counts = fc.record({ passed: fc.nat(), failed: fc.nat(), skipped: fc.nat() });

describe('the sum line', () => {
  test('reads as people and programs expect it', () => {
    expect(sumLine({ passed: 12, failed: 1, skipped: 0 })).toBe('12 passed, 1 failed, 0 skipped');
  });

  test('is read back from the end of any output', () => {
    fc.assert(
      fc.property(counts, fc.string(), (sum, noise) => {
        expect(parseSum(`${noise}\n${sumLine(sum)}\n`)).toEqual(sum);
      }),
    );
  });

  test.each([
    ['nothing', ''],
    ['a crash after the sum', '1 passed, 0 failed, 0 skipped\nError: boom'],
    ['a sum inside a sentence', 'Tests: 1 passed, 0 failed, 0 skipped'],
    ['a sum with more words', '1 passed, 0 failed, 0 skipped (3 s)'],
    ['a missing part', '1 passed, 0 failed'],
  ])('is not found in %s', (_name, output) => {
    expect(parseSum(output)).toBeUndefined();
  });

  test('adds tiers up', () => {
    expect(
      sumCounts([
        { passed: 1, failed: 2, skipped: 3 },
        { passed: 10, failed: 20, skipped: 30 },
      ]),
    ).toEqual({ passed: 11, failed: 22, skipped: 33 });
    expect(sumCounts([])).toEqual({ passed: 0, failed: 0, skipped: 0 });
  });
});
