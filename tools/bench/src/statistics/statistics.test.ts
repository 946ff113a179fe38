import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { median, quantile, ratioInterval } from './statistics.ts';

const someNumbers = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 40 });

describe('median', () => {
  it('is the middle, or the mean of the two in the middle, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 100, 1, 2])).toBe(3);
    expect(median([])).toBeNaN();
  });

  it('has as many values below as above', () => {
    fc.assert(
      fc.property(someNumbers, (values) => {
        const middle = median(values);
        const below = values.filter((value) => value < middle).length;
        const above = values.filter((value) => value > middle).length;
        expect(Math.max(below, above)).toBeLessThanOrEqual(values.length / 2);
      }),
    );
  });
});

describe('quantile', () => {
  it('is one of the values: the smallest that has the part at or below it', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(quantile(hundred, 0.99)).toBe(99);
    expect(quantile([3, 1, 2], 0.99)).toBe(3);
    expect(quantile([3, 1, 2], 0)).toBe(1);
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe('ratioInterval', () => {
  it('contains the ratio of the medians, and is the same each time', () => {
    fc.assert(
      fc.property(someNumbers, someNumbers, (ours, theirs) => {
        const [low, high] = ratioInterval(ours, theirs);
        const ratio = median(ours) / median(theirs);
        expect(low).toBeLessThanOrEqual(ratio + 1e-9);
        expect(high).toBeGreaterThanOrEqual(ratio - 1e-9);
        expect(ratioInterval(ours, theirs)).toEqual([low, high]);
      }),
      { numRuns: 20 },
    );
  });

  it('is a point for values that do not vary, and narrower for more values', () => {
    expect(ratioInterval([6, 6, 6], [3, 3])).toEqual([2, 2]);
    const noisy = (count: number) => Array.from({ length: count }, (_, index) => 10 + (index % 5));
    const width = (count: number) => {
      const [low, high] = ratioInterval(noisy(count), noisy(count));
      return high - low;
    };
    expect(width(500)).toBeLessThan(width(10));
  });
});
