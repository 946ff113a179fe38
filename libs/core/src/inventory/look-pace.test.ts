import { describe, expect, it } from 'vitest';
import { LookPace } from './look-pace.ts';

/** How often one looks within a second in which changes never end, and what all looks cost, in milliseconds. */
function flood(pace: LookPace, costMs: number): { readonly looks: number; readonly totalMs: number } {
  let looks = 0;
  for (let now = 0; now < 1000; looks++) {
    now += pace.delay(now) + costMs;
    pace.looked(costMs, now);
  }
  return { looks, totalMs: looks * costMs };
}

describe('LookPace', () => {
  it('gathers changes for a moment when it is quiet', () => {
    const pace = new LookPace({ debounceMs: 10 });
    expect(pace.delay(0)).toBe(10);
    pace.looked(2, 12);
    expect(pace.delay(1000)).toBe(10);
  });

  it.each([0.2, 1, 3, 10, 20])(
    'spends about a tenth of the time on looks of %d ms while changes never end',
    (costMs) => {
      const { looks, totalMs } = flood(new LookPace(), costMs);
      expect(totalMs).toBeLessThan(130);
      // Seldom enough, and often enough to be up to date.
      expect(looks).toBeGreaterThanOrEqual(4);
    },
  );

  it('looks at least four times a second however costly that is', () => {
    const pace = new LookPace();
    pace.looked(500, 0);
    expect(pace.delay(0)).toBe(250);
  });
});
