import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalQuantity } from './quantity.ts';

describe('canonicalQuantity', () => {
  it.each([
    ['1024Ki', '1Mi'],
    ['1000m', '1'],
    ['10G', '10e9'],
    ['0.5', '500m'],
    ['1.5Gi', '1536Mi'],
    ['1E', '1000P'],
    ['1e3', '1k'],
    ['+2', '2'],
    ['-0', '0'],
    ['.5', '0.50'],
  ])('%s is the same as %s', (a, b) => {
    expect(canonicalQuantity(a)).toBeDefined();
    expect(canonicalQuantity(a)).toBe(canonicalQuantity(b));
  });

  it.each(['', '.', 'G', '1 G', '1GB', '1kk', 'NaN', '1e', '0x10'])('%j is no quantity', (text) => {
    expect(canonicalQuantity(text)).toBeUndefined();
  });

  it('tells different integers apart and never confuses Ki with k', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 60n }), fc.bigInt({ min: 1n, max: 2n ** 60n }), (a, b) => {
        expect(canonicalQuantity(`${a}`) === canonicalQuantity(`${b}`)).toBe(a === b);
        expect(canonicalQuantity(`${a}Ki`)).toBe(canonicalQuantity(`${a * 1024n}`));
        expect(canonicalQuantity(`${a}k`)).toBe(canonicalQuantity(`${a * 1000n}`));
      }),
    );
  });
});
