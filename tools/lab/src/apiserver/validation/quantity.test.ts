import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Quantity, QuantityError } from './quantity.ts';

describe('Quantity', () => {
  it.each([
    ['0', '0'],
    ['1000m', '1'],
    ['0.5', '500m'],
    ['1500', '1500'],
    ['1000', '1k'],
    ['1000000k', '1G'],
    ['1024Ki', '1Mi'],
    ['1Gi', '1Gi'],
    ['0.5Gi', '512Mi'],
    ['512', '512'],
    ['1Ki', '1Ki'],
    ['0.5Ki', '512'],
    ['1e3', '1e3'],
    ['1500e3', '1500e3'],
    ['-2k', '-2k'],
    ['.5', '500m'],
    ['100n', '100n'],
    ['0.1n', '1n'],
  ])('writes %s as %s', (input, output) => {
    expect(Quantity.parse(input).toString()).toBe(output);
  });

  it.each(['', '1 G', 'G', '1kk', '1.2.3', '0x10', '1ki', 'NaN'])('refuses %j', (text) => {
    expect(() => Quantity.parse(text)).toThrow(QuantityError);
  });

  it('compares across notations', () => {
    expect(Quantity.parse('1Ki').compare(Quantity.parse('1k'))).toBeGreaterThan(0);
    expect(Quantity.parse('1G').compare(Quantity.parse('1e9'))).toBe(0);
  });

  it('reads back what it writes', () => {
    const suffix = fc.constantFrom('n', 'u', 'm', '', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3', 'e-3');
    fc.assert(
      fc.property(fc.integer(), suffix, (value, unit) => {
        const quantity = Quantity.parse(`${String(value)}${unit}`);
        const text = quantity.toString();
        expect(Quantity.parse(text).nano).toBe(quantity.nano);
        expect(Quantity.parse(text).toString()).toBe(text);
      }),
    );
  });
});
